"""A provider's statement: amounts by business day, and the clearing of its open rounds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from ledger.queries.checkpoints import BalanceClock
from storage.archive.row_cut import require_rows_since, rows_begin_at
from storage.transactions import reading
from vocabulary.window import day_window

_ENTRY_CLOCK = {"received": "o.received_at", "posted": "e.posted_at"}
_OPERATION_CLOCK = {"received": "o.received_at", "posted": "b.posted_at"}
# Where rows left for archives, what clearing held before the first day is what the entries
# since do not explain of what it holds now.
# Entries are counted by the operation they belong to, so both halves use the same clock. A
# residual belongs to no operation: it counts when it was booked.
_STATEMENT = """
WITH moved AS (
  SELECT ({operation_clock} AT TIME ZONE :zone)::date AS day, o.currency,
         coalesce(sum(o.stake) FILTER (WHERE {plain}), 0) AS stake,
         coalesce(sum(o.payout) FILTER (WHERE {plain}), 0) AS payout,
         coalesce(sum(o.amount) FILTER (WHERE o.kind = 'rollback'), 0) AS rollbacks,
         coalesce(sum(o.amount) FILTER (WHERE o.kind = 'adjustment'), 0) AS adjustments,
         count(*) AS operations
    FROM operations o JOIN batches b USING (batch_id)
   WHERE o.provider = :provider AND o.decision = 'accepted'
     AND {operation_clock} IS NOT NULL
   GROUP BY 1, 2
), entered AS (
  SELECT {entry_clock} AS at, e.currency, e.account, e.amount
    FROM booked_entries e JOIN operations o USING (wallet_id, wallet_seq)
   WHERE e.provider = :provider
  UNION ALL
  SELECT r.booked_at, e.currency, e.account, e.amount
    FROM residual_entries e JOIN residuals r USING (residual_id)
   WHERE e.provider = :provider
), booked AS (
  SELECT (e.at AT TIME ZONE :zone)::date AS day, e.currency,
         coalesce(sum(e.amount) FILTER (WHERE e.account = 'ggr'), 0) AS ggr,
         coalesce(sum(e.amount) FILTER (WHERE e.account = 'difference'), 0) AS difference,
         coalesce(sum(e.amount) FILTER (WHERE e.account = 'provider_clearing'), 0) AS clearing,
         coalesce(sum(e.amount) FILTER (WHERE e.account IN ('bonus', 'jackpot', 'promo')), 0)
           AS funds
    FROM entered e
   GROUP BY 1, 2
), held AS (
  SELECT t.currency, t.amount - coalesce(b.amount, 0) AS clearing
    FROM (SELECT currency, sum(amount) AS amount FROM (
            SELECT currency, amount FROM entries
             WHERE provider = :provider AND account = 'provider_clearing'
            UNION ALL
            SELECT currency, amount FROM archived_totals
             WHERE provider = :provider AND account = 'provider_clearing') x
           GROUP BY currency) t
    LEFT JOIN (SELECT currency, sum(clearing) AS amount FROM booked
                WHERE day >= :first GROUP BY currency) b USING (currency)
   WHERE CAST(:is_cut AS boolean)
), days AS (
  SELECT day, currency, m.stake, m.payout, m.rollbacks, m.adjustments, b.funds, b.ggr,
         b.difference, m.operations,
         coalesce(h.clearing, 0)
         + coalesce(sum(b.clearing) OVER (PARTITION BY currency ORDER BY day), 0) AS clearing
    FROM moved m FULL JOIN booked b USING (day, currency) LEFT JOIN held h USING (currency)
   WHERE NOT CAST(:is_cut AS boolean) OR day >= :first
)
SELECT day, currency, coalesce(stake, 0), coalesce(payout, 0), coalesce(rollbacks, 0),
       coalesce(adjustments, 0), coalesce(funds, 0), coalesce(ggr, 0), coalesce(clearing, 0),
       coalesce(operations, 0), coalesce(difference, 0)
  FROM days
 WHERE (CAST(:first AS date) IS NULL OR day >= :first)
   AND (CAST(:last AS date) IS NULL OR day <= :last)
 ORDER BY day, currency
"""
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_PLAIN = "o.kind NOT IN ('rollback', 'adjustment')"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDay:
    """One provider's day in one currency; minor units.

    Attributes:
        stake, payout: of bets and wins, before any rollback.
        rollbacks, adjustments: signed, to the players.
        funds: entries of bonus, jackpot and promo; negative if they paid.
        ggr: entries of GGR: what was swept to it, less residuals moved out of it.
        difference: entries of the difference account; positive if players are owed.
        clearing: what rounds still hold in clearing at the end of the day.
    """

    day: date
    currency: str
    stake: int
    payout: int
    rollbacks: int
    adjustments: int
    funds: int
    ggr: int
    difference: int
    clearing: int
    operations: int


def provider_days(
    engine: Engine,
    *,
    provider: str,
    first: date | None,
    last: date | None,
    zone: str,
    by: BalanceClock,
) -> list[ProviderDay]:
    """A provider's days from ``first`` to ``last``, both included, oldest first.

    ``zone`` names the days' time zone. By ``received``, an entry belongs to the day on which
    its operation was received; by ``posted``, to the day on which it was written.

    Raises:
        RowsAreAway: rows of these days left for archives.
        Unavailable: the database is out of reach.
    """
    start = _ALWAYS if first is None else day_window(first, ZoneInfo(zone)).start
    sql = _STATEMENT.format(
        operation_clock=_OPERATION_CLOCK[by], entry_clock=_ENTRY_CLOCK[by], plain=_PLAIN
    )
    parameters = {"provider": provider, "zone": zone, "first": first, "last": last}
    with reading(engine, "") as connection:
        require_rows_since(connection, start, f"the days of {provider}")
        is_cut = rows_begin_at(connection) is not None
        rows = connection.execute(text(sql), {**parameters, "is_cut": is_cut}).all()
    return [
        ProviderDay(
            day=row[0],
            currency=row[1],
            stake=int(row[2]),
            payout=int(row[3]),
            rollbacks=int(row[4]),
            adjustments=int(row[5]),
            funds=int(row[6]),
            ggr=int(row[7]),
            clearing=int(row[8]),
            operations=row[9],
            difference=int(row[10]),
        )
        for row in rows
    ]
