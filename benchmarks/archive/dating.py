"""Months of the past: rows are dated into them, their days are closed, signed and sealed."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, text

from ledger.archive.months import month_bounds, month_end
from ledger.seal.seal import seal_day
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from vocabulary.clock import SystemClock
from vocabulary.window import day_window

#: Who archives: one requests, the other decides.
PEOPLE = ("maria", "paul")
#: The days on which a month's batches are; the others are empty.
_DAYS = 28
# The last one is posted after the month: its rounds leave with the next one.
_DATE = """
WITH r AS (SELECT min(batch_id) AS first, max(batch_id) AS last FROM batches
            WHERE committed_at >= %(until)s AND committed_at >= now() - interval '1 day')
UPDATE batches b
   SET committed_at = d.at,
       posted_at = CASE WHEN b.batch_id = r.last THEN %(until)s ELSE d.at END
                   + interval '1 second'
  FROM r CROSS JOIN LATERAL (
         SELECT batch_id, %(since)s + ((batch_id - r.first) * %(days)s / (r.last + 1 - r.first))
                          * interval '1 day' + interval '12 hours' AS at
           FROM batches WHERE batch_id BETWEEN r.first AND r.last) d
 WHERE b.batch_id = d.batch_id
"""
#: What follows from the dates of the batches: when operations and rounds came and were posted.
_DATE_ROWS = (
    """
UPDATE entries e SET posted_at = b.posted_at
  FROM operations o JOIN batches b USING (batch_id)
 WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
   AND b.committed_at >= %(since)s AND b.committed_at < %(until)s
""",
    """
UPDATE operations o SET received_at = b.committed_at FROM batches b
 WHERE b.batch_id = o.batch_id AND b.committed_at >= %(since)s AND b.committed_at < %(until)s
""",
    """
UPDATE deliveries d SET received_at = b.committed_at FROM batches b
 WHERE b.batch_id = d.batch_id AND b.committed_at >= %(since)s AND b.committed_at < %(until)s
""",
    """
UPDATE rounds r SET first_at = o.first_at, last_at = o.last_at
  FROM (SELECT o.match_key, o.provider, o.round_id, o.wallet_id,
               min(o.received_at) AS first_at, max(o.received_at) AS last_at
          FROM batches b JOIN operations o USING (batch_id)
         WHERE b.committed_at >= %(since)s AND b.committed_at < %(until)s
           AND o.decision = 'accepted'
         GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id) o
 WHERE (r.match_key, r.provider, r.round_id, r.wallet_id)
       = (o.match_key, o.provider, o.round_id, o.wallet_id)
""",
)
#: The provider whose days are closed.
PROVIDER = "sportsbook"
# The days before the last one of a month, as one.
_CLOSE_REST = """
INSERT INTO day_closes (provider, business_day, starts_at, ends_at, closed_at, close_no,
                        records, digest)
VALUES (:provider, :first, :start, :end, now(), 1, 1, ''::bytea)
"""
_SIGN = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, two_people,
                       close_no, figures)
SELECT provider, business_day, n, CASE n WHEN 1 THEN 'prepared' ELSE 'signed' END,
       CASE n WHEN 1 THEN :preparer ELSE :signer END, '{}', true, 1, '{}'
  FROM day_closes CROSS JOIN generate_series(1, 2) AS n
 WHERE business_day IN (:first, :day) ORDER BY provider, n
"""


def past_months(count: int) -> list[date]:
    """The last ``count`` months that are over, the oldest first."""
    months: list[date] = []
    month = SystemClock().now().date().replace(day=1)
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
        months.append(month)
    return months[::-1]


def date_rows(database_url: str, month: date) -> None:
    """Move what was committed today into the month."""
    since, until = month_bounds(month)
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (_DATE, *_DATE_ROWS):
            connection.execute(statement, {"since": since, "until": until, "days": _DAYS})
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("batches", "operations", "entries", "deliveries", "rounds"):
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())


def seal_month(engine: Engine, month: date) -> None:
    """Seal every day of a month."""
    day = month
    while day < month_end(month):
        seal_day(engine, day, progress=lambda _: None)
        day += timedelta(days=1)


def close_day(engine: Engine, database_url: str, month: date) -> None:
    """Reconcile the month's last day with callbacks, and close and sign all its days."""
    day = month + timedelta(days=_DAYS - 1)
    window = day_window(day, ZoneInfo("UTC"))
    request = RunRequest(
        provider=PROVIDER, window=window, maturity=timedelta(minutes=15), close=day
    )
    result = reconcile(database_url, request, clock=SystemClock())
    assert not result.breaks, result.breaks[0]
    preparer, signer = PEOPLE
    params = {
        "provider": PROVIDER,
        "first": month,
        "day": day,
        "start": month_bounds(month)[0],
        "end": window.start,
        "preparer": preparer,
        "signer": signer,
    }
    with engine.begin() as connection:
        connection.execute(text(_CLOSE_REST), params)
        connection.execute(text(_SIGN), params)
