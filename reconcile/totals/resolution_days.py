"""The resolution rate by business day, computed by the database: without pandas and numpy.

It counts as ``reconcile.totals.resolution_rate`` does, which also knows money and the horizon
of two business days: the rows of all days add up to its rows. A row counts on the day on which
its round began; its other side may be of the day before or after, within ``EDGE``.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from storage.archive.row_cut import require_rows_since
from vocabulary.window import Window

#: How far beyond a window the other sides of its rows are looked for.
EDGE = timedelta(hours=1)
_DAYS = """
WITH f AS (
  SELECT match_key, round_id, currency, min(created_at) AS began, max(created_at) AS at,
         min(received_at) AS reported, max(received_at) AS last_reported
    FROM feed_records
   WHERE provider = :provider
     AND created_at >= :start - CAST(:edge AS interval)
     AND created_at < :end + CAST(:edge AS interval)
   GROUP BY match_key, round_id, currency
), r AS (
  SELECT match_key, round_id, currency, min(first_at) AS first_at, max(last_at) AS last_at
    FROM rounds
   WHERE provider = :provider
     AND first_at >= :start - CAST(:edge AS interval)
     AND first_at < :end + CAST(:edge AS interval)
   GROUP BY match_key, round_id, currency
), all_rows AS (
  SELECT round_id, coalesce(r.first_at, f.began) AS began,
         least(r.first_at, f.reported) AS known,
         CASE WHEN r.first_at IS NOT NULL AND f.reported IS NOT NULL
              THEN greatest(r.last_at, f.last_reported) END AS both_reported,
         coalesce(r.last_at, f.at) AS last_at
    FROM r FULL JOIN f USING (match_key, round_id, currency)
   WHERE coalesce(r.first_at, f.began) >= :start AND coalesce(r.first_at, f.began) < :end
     -- A round that left for an archive began before the window.
     AND (r.match_key IS NOT NULL OR archived_days(match_key) IS NULL)
), judging AS MATERIALIZED (
  SELECT window_from, window_to, started_at, finished_at,
         make_interval(secs => (manifest ->> 'maturity_s')::bigint) AS maturity
    FROM runs
   WHERE provider = :provider AND window_to > :start AND window_from < :end
     AND finished_at <= :now
), named AS MATERIALIZED (
  SELECT n.name,
         max(least(CASE WHEN l.state IN ('explained', 'written_off', 'closed')
                        THEN l.since END, b.cleared_at)) AS resolved,
         bool_or(b.cleared_at IS NULL
                 AND coalesce(l.state, 'open')
                     NOT IN ('explained', 'written_off', 'closed')) AS open
    FROM breaks b LEFT JOIN break_workflows l USING (break_id)
   CROSS JOIN LATERAL (VALUES (b.round_id), (b.alias)) AS n (name)
   WHERE b.provider = :provider AND n.name <> ''
   GROUP BY n.name
), due AS (
  SELECT (began AT TIME ZONE :zone)::date AS day,
         known + CAST(:span AS interval) <= :now AS is_due,
         CASE WHEN n.name IS NOT NULL
              THEN NOT n.open AND greatest(n.resolved, known) <= known + CAST(:span AS interval)
              ELSE EXISTS (SELECT FROM judging j
                            WHERE j.window_from <= began AND j.window_to > began
                              AND j.finished_at <= known + CAST(:span AS interval)
                              AND (both_reported <= j.started_at
                                   OR last_at + j.maturity <= j.started_at))
         END AS is_resolved
    FROM all_rows LEFT JOIN named n ON n.name = all_rows.round_id
)
SELECT day, count(*) FILTER (WHERE is_due) AS due,
       count(*) FILTER (WHERE is_due AND is_resolved) AS resolved,
       count(*) FILTER (WHERE NOT is_due) AS not_due
  FROM due GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRate:
    """The rows that began on one business day.

    Attributes:
        due: those whose horizon has passed.
        resolved: those of them that were resolved within it.
        not_due: those whose horizon has not passed.
    """

    day: date
    due: int
    resolved: int
    not_due: int


def resolution_days(
    connection: Connection,
    provider: str,
    window: Window,
    *,
    now: datetime,
    zone: str,
    within: timedelta,
) -> list[DayRate]:
    """The days of a window on which any row began, in order.

    Raises:
        RowsAreAway: rows of the window left for archives.
    """
    require_rows_since(connection, window.start, f"the resolution rates of {provider}")
    params = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "now": now,
        "zone": zone,
        "span": within,
        "edge": EDGE,
    }
    return [DayRate(**row._mapping) for row in connection.execute(text(_DAYS), params)]
