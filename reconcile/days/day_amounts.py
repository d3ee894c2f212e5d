"""Which minutes of a day that is over have an amount: kept beside the sums of the day.

They hold as long as the sums do, see ``reconcile.days.day_sums``. An amount of a round or
record is its stake, its payout, or the difference of both. Whoever looks an amount up reads the
rounds and records of those minutes only. Tables read: ``summed_days``, ``day_amounts``,
``day_changes``; written: ``day_amounts``. Lists of days whose rows left for archives go, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text

from reconcile.days.day_sums import CHANGES, HOLDS
from vocabulary.window import Window

Side = Literal["ours", "theirs"]
#: Amounts from 0 up to this one are listed, in minor units; others have to be looked for.
LISTED_BELOW = 2**52
#: Minutes that a place can tell apart, more than any day has; and rows of a currency.
_MINUTES, _BUCKETS = 2_048, 31
_FORGET = "DELETE FROM day_amounts WHERE day_id = :day"
# A day without lists is read whole, so what is left of it is still found.
_FORGET_ARCHIVED = """
WITH archived AS (
    UPDATE summed_days SET amounts_at = NULL
     WHERE ends_at <= rows_begin_at() AND amounts_at IS NOT NULL
    RETURNING day_id
)
DELETE FROM day_amounts a USING archived WHERE a.day_id = archived.day_id
"""
# {rows} begin {at}.
_LIST = """
INSERT INTO day_amounts (day_id, side, currency, bucket, places)
SELECT :day, :side, p.currency, p.amount % :buckets,
       array_agg(p.amount * :minutes + p.minute ORDER BY p.amount, p.minute)
  FROM (SELECT DISTINCT x.currency, a.amount,
               floor(extract(epoch FROM x.{at} - CAST(:start AS timestamptz)) / 60)::bigint
                   AS minute
          FROM {rows} x
         CROSS JOIN LATERAL (VALUES (x.stake), (x.payout), (abs(x.payout - x.stake)))
                         AS a (amount)
         WHERE x.provider = :provider AND x.{at} >= :start AND x.{at} < :end
           AND a.amount >= 0 AND a.amount < :listed_below) p
 GROUP BY p.currency, p.amount % :buckets
"""
_ROWS: Mapping[Side, Mapping[str, str]] = {
    "ours": {"rows": "rounds", "at": "first_at"},
    "theirs": {"rows": "feed_records", "at": "created_at"},
}
_MINUTES_OF = f"""
SELECT w.number, ARRAY(
       SELECT (place % :minutes)::integer
         FROM day_amounts a, unnest(a.places) AS place
        WHERE a.day_id = d.day_id AND a.side = :side AND a.currency = :currency
          AND a.bucket = w.amount % :buckets AND place / :minutes = w.amount
        ORDER BY place LIMIT :limit) AS minutes
  FROM unnest(CAST(:providers AS text[]), CAST(:starts AS timestamptz[]),
              CAST(:ends AS timestamptz[]), CAST(:amounts AS bigint[]))
         WITH ORDINALITY AS w (provider, starts_at, ends_at, amount, number)
  JOIN summed_days d USING (provider, starts_at, ends_at) {CHANGES}
 WHERE {HOLDS} AND d.amounts_at = d.summed_at AND w.amount >= 0 AND w.amount < :listed_below
"""  # noqa: S608 - our own constants


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOfDay:
    """An amount, in minor units, on a business day of a provider."""

    provider: str
    window: Window
    amount: int


def list_amounts(connection: Connection, provider: str, window: Window, day_id: int) -> None:
    """List the amounts of a day; the caller stores of which sums they are."""
    connection.execute(text(_FORGET), {"day": day_id})
    for side, names in _ROWS.items():
        params = {
            **_CONSTANTS,
            "day": day_id,
            "side": side,
            "provider": provider,
            "start": window.start,
            "end": window.end,
        }
        connection.execute(text(_LIST.format(**names)), params)


def forget_archived_amounts(connection: Connection) -> int:
    """Remove the lists of days whose rows left for archives; returns how many rows they had.

    They say where rows are that are not here; nothing else is in them, so no archive has them.
    """
    return connection.execute(text(_FORGET_ARCHIVED)).rowcount


def minutes_of_amounts(
    connection: Connection,
    side: Side,
    amounts: Sequence[AmountOfDay],
    *,
    currency: str,
    limit: int,
) -> dict[AmountOfDay, list[int]]:
    """The first minutes of each day in which a row of a side has its amount.

    A day whose amounts are not listed, or no longer hold, is left out: all its rows have to be
    read. Each minute has a row with the amount, as this connection's snapshot sees the books.
    """
    params: dict[str, Any] = {
        **_CONSTANTS,
        "side": side,
        "currency": currency,
        "limit": limit,
        "providers": [of.provider for of in amounts],
        "starts": [of.window.start for of in amounts],
        "ends": [of.window.end for of in amounts],
        "amounts": [of.amount for of in amounts],
    }
    rows = connection.execute(text(_MINUTES_OF), params)
    return {amounts[row.number - 1]: list(row.minutes) for row in rows}


_CONSTANTS = {"minutes": _MINUTES, "buckets": _BUCKETS, "listed_below": LISTED_BELOW}
