"""Daily figures of the whole operation by currency, counted in two ways.

Days are those of the operator's zone, and an operation counts on the day it was received. The
figures come from operations; entries, which posting made of them, must say the same
(decision 0027).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from storage.archive.row_cut import require_rows_since, rows_begin_at
from vocabulary.window import day_window

# All that is older than the first day counts on the day before it: its funds are carried on.
_DAY = """
CASE WHEN o.received_at < :start THEN CAST(:before AS date)
     ELSE (o.received_at AT TIME ZONE :zone)::date END
"""
# Where rows left for archives, what came before the first day is what the operations since do
# not explain of a balance.
_KNOWN = "(NOT CAST(:is_cut AS boolean) OR o.received_at >= :start)"
_OPENINGS = """
SELECT CAST(:before AS date), w.wallet_id, w.currency, w.balance - coalesce(m.amount, 0),
       NULL, NULL, NULL, NULL, NULL
  FROM wallets w
  LEFT JOIN (SELECT wallet_id, sum(amount) AS amount FROM operations
              WHERE received_at >= :start GROUP BY wallet_id) m USING (wallet_id)
 WHERE CAST(:is_cut AS boolean)
"""
_OPERATIONS = f"""
WITH daily AS (
  SELECT {_DAY} AS day, o.wallet_id, o.currency, sum(o.amount) AS amount,
         sum(o.stake) FILTER (WHERE o.kind <> 'adjustment') AS stakes,
         sum(o.payout) FILTER (WHERE o.kind <> 'adjustment') AS payouts,
         sum(o.amount) FILTER (WHERE o.kind = 'adjustment') AS corrections,
         sum(o.amount) FILTER (WHERE o.kind = 'deposit') AS deposits,
         -sum(o.amount) FILTER (WHERE o.kind = 'withdrawal') AS withdrawals
    FROM operations o
   WHERE o.decision = 'accepted' AND o.received_at < :end AND {_KNOWN}
   GROUP BY 1, o.wallet_id, o.currency
   UNION ALL
  {_OPENINGS}
), running AS (
  SELECT *, sum(amount) OVER (PARTITION BY wallet_id ORDER BY day) AS balance FROM daily
)
SELECT day, currency,
       coalesce(sum(stakes), 0) AS stakes,
       coalesce(sum(payouts), 0) AS payouts,
       coalesce(sum(corrections), 0) AS corrections,
       coalesce(sum(deposits), 0) AS deposits,
       coalesce(sum(withdrawals), 0) AS withdrawals,
       sum(greatest(balance, 0) - greatest(balance - amount, 0)) AS funds,
       sum(least(balance, 0) - least(balance - amount, 0)) AS debts
  FROM running GROUP BY day, currency ORDER BY day, currency
"""  # noqa: S608 - the constants above
_ENTRIES = f"""
SELECT {_DAY} AS day, e.currency,
       coalesce(-sum(e.amount) FILTER (
           WHERE o.kind NOT IN ('adjustment', 'deposit', 'withdrawal')), 0) AS ggr,
       coalesce(sum(e.amount) FILTER (WHERE o.kind = 'adjustment'), 0) AS corrections,
       coalesce(sum(e.amount) FILTER (
           WHERE o.kind IN ('deposit', 'withdrawal')), 0) AS funding,
       sum(e.amount) AS players
  FROM operations o JOIN booked_entries e USING (wallet_id, wallet_seq)
 WHERE o.received_at < :end AND e.account IN ('player_wallet', 'player_receivable')
   AND {_KNOWN}
 GROUP BY 1, e.currency
"""  # noqa: S608 - the constants above
_UNPOSTED = "SELECT count(*) FROM batches WHERE posted_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFigures:
    """A day in one currency, minor units.

    Attributes:
        stakes, payouts: less what was rolled back; without corrections.
        corrections: by hand, signed, to the players; in no other figure.
        deposits, withdrawals: of players; grants are deposits.
        player_funds: the sum of balances above zero at the midnight that ends the day.
        player_debts: the sum of balances below zero at that instant; not positive.
        residual: by figure, what entries have beyond operations; empty if both agree.
    """

    day: date
    currency: str
    stakes: int
    payouts: int
    corrections: int
    deposits: int
    withdrawals: int
    player_funds: int
    player_debts: int
    residual: Mapping[str, int]

    @property
    def ggr(self) -> int:
        """Stakes less payouts."""
        return self.stakes - self.payouts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement:
    """What operations moved in a day and currency; ``funds`` and ``debts`` are changes."""

    stakes: int = 0
    payouts: int = 0
    corrections: int = 0
    deposits: int = 0
    withdrawals: int = 0
    funds: int = 0
    debts: int = 0

    def by_entries(self) -> dict[str, int]:
        """What the entries should say."""
        return {
            "ggr": self.stakes - self.payouts,
            "corrections": self.corrections,
            "funding": self.deposits - self.withdrawals,
            "players": self.funds + self.debts,
        }


_NONE = _Movement()
_Cell = tuple[date, str]


def daily_figures(
    connection: Connection, first: date, last: date, zone: ZoneInfo
) -> list[DailyFigures]:
    """The figures from ``first`` to ``last``, both included, by day and currency.

    A currency has a figure on every day on which a player has funds or debts in it.

    Raises:
        RowsAreAway: rows of these days left for archives.
    """
    before, start = first - timedelta(days=1), day_window(first, zone).start
    require_rows_since(connection, start, f"the figures of {first}")
    params = {
        "zone": zone.key,
        "is_cut": rows_begin_at(connection) is not None,
        "start": start,
        "end": day_window(last, zone).end,
        "before": before,
    }
    moved = {
        (row["day"], row["currency"]): _movement(row)
        for row in connection.execute(text(_OPERATIONS), params).mappings()
    }
    entered: dict[_Cell, Mapping[str, int]] = {
        (row["day"], row["currency"]): {
            str(name): int(row[name]) for name in _NONE.by_entries()
        }
        for row in connection.execute(text(_ENTRIES), params).mappings()
    }
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return list(_figures(before, days, moved, entered))


def unposted_batches(connection: Connection) -> int:
    """Accepted batches whose entries are missing."""
    return int(connection.execute(text(_UNPOSTED)).scalar_one())


def _figures(
    before: date,
    days: Iterable[date],
    moved: Mapping[_Cell, _Movement],
    entered: Mapping[_Cell, Mapping[str, int]],
) -> Iterator[DailyFigures]:
    funds: dict[str, int] = defaultdict(int)
    debts: dict[str, int] = defaultdict(int)
    currencies = sorted({currency for _, currency in {*moved, *entered}})
    for day in (before, *days):
        for currency in currencies:
            movement = moved.get((day, currency), _NONE)
            funds[currency] += movement.funds
            debts[currency] += movement.debts
            residual = _residual(movement, entered.get((day, currency), {}))
            is_empty = movement == _NONE and not (funds[currency] or debts[currency])
            if day == before or (is_empty and not residual):
                continue
            yield DailyFigures(
                day=day,
                currency=currency,
                stakes=movement.stakes,
                payouts=movement.payouts,
                corrections=movement.corrections,
                deposits=movement.deposits,
                withdrawals=movement.withdrawals,
                player_funds=funds[currency],
                player_debts=debts[currency],
                residual=residual,
            )


def _residual(movement: _Movement, entered: Mapping[str, int]) -> dict[str, int]:
    differences = {
        name: entered.get(name, 0) - expected
        for name, expected in movement.by_entries().items()
    }
    return {name: difference for name, difference in differences.items() if difference}


def _movement(row: Mapping[Any, Any]) -> _Movement:
    return _Movement(**{column.name: int(row[column.name]) for column in fields(_Movement)})
