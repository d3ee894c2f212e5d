"""Sums of days that are over, kept in the database and read only while they hold.

A day of a provider is added up once, in one snapshot: see ``reconcile.days.summing``. Triggers
mark the day in the transaction that changes a round, a record or a break it rests on, so a
reader knows from the marks alone whether the sums are those of its own snapshot: a mark that
the sums did not see says they are not. Tables read: ``summed_days``, ``day_figures``,
``day_changes``.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from reconcile.days.figures import BothSides, SideTotals
from reconcile.days.sums import read_sides
from reconcile.totals.cells import Figures, TotalsCell
from reconcile.totals.sides import BothFigures
from vocabulary.window import Window

#: The horizon within which a row counts as resolved.
WITHIN = timedelta(hours=24)
#: How long a day that has no resolution rate yet waits for the next attempt.
RETRIED_AFTER = timedelta(hours=1)
#: The server, as a query reads it.
CLUSTER = "(SELECT system_identifier FROM pg_control_system())"
#: Of a day ``d`` that was added up, whether anything it rests on has changed since.
CHANGES = """
  LEFT JOIN LATERAL (
       SELECT bool_or(NOT c.of_breaks) AS of_books, bool_or(c.of_breaks) AS of_breaks
         FROM day_changes c
        WHERE c.day_id = d.day_id AND NOT pg_visible_in_snapshot(c.changed, d.seen)
       ) m ON true
"""
#: Whether the sums of the day hold.
HOLDS = f"d.seen IS NOT NULL AND d.cluster = {CLUSTER} AND m.of_books IS NOT TRUE"
# The days of a stretch whose sums hold, each with what ``DaySums`` has, in that order.
_HOLDING = f"""
SELECT d.provider, d.starts_at, d.ends_at, d.day_id, d.summed_at, d.seen::text AS version,
       d.delay_s, d.due, d.resolved,
       coalesce(m.of_breaks, false) AS breaks_moved,
       d.amounts_at IS NOT DISTINCT FROM d.summed_at AS lists_amounts
  FROM summed_days d {CHANGES}
 WHERE d.provider = ANY(CAST(:providers AS text[]))
   AND d.starts_at >= :first AND d.ends_at <= :last AND {HOLDS}
"""  # noqa: S608 - our own constants
_VERSIONS = f"""
SELECT d.provider, d.starts_at, d.ends_at, d.seen::text AS summed,
       coalesce(m.of_books, false) AS books_moved, coalesce(m.of_breaks, false) AS breaks_moved
  FROM summed_days d {CHANGES}
 WHERE d.provider = ANY(CAST(:providers AS text[]))
   AND d.starts_at >= :first AND d.ends_at <= :last
"""  # noqa: S608 - our own constants
_HOLDING_SIDES = f"""
SELECT d.sides FROM summed_days d {CHANGES}
 WHERE d.provider = :provider AND d.starts_at = :start AND d.ends_at = :end AND {HOLDS}
"""  # noqa: S608 - our own constants
_FIGURES = """
SELECT provider, side, business_day, game, currency, rounds, bets, wins, rollbacks, stake,
       payout
  FROM day_figures JOIN summed_days USING (day_id)
 WHERE day_id = ANY(CAST(:days AS bigint[])) AND by_game = :by_game
"""
_OF_DAYS = """
SELECT day_id, side, game, currency, rounds, bets, wins, rollbacks, stake, payout
  FROM day_figures WHERE day_id = ANY(CAST(:days AS bigint[])) AND by_game = :by_game
"""
# A sum of a year may be beyond 64 bits, in a coin of many places and little worth.
_FIGURES_IN_ALL = """
SELECT provider, side, CAST(:first AS date), game, currency, sum(rounds)::bigint,
       sum(bets)::bigint, sum(wins)::bigint, sum(rollbacks)::bigint, sum(stake), sum(payout)
  FROM day_figures JOIN summed_days USING (day_id)
 WHERE day_id = ANY(CAST(:days AS bigint[])) AND by_game = :by_game
 GROUP BY 1, 2, 4, 5
"""
#: The sides, by their columns.
SIDES = ("ours", "theirs")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedDay:
    """A business day of a provider in its zone."""

    provider: str
    day: date
    zone: str
    window: Window


class DaySums(NamedTuple):
    """What is kept of a day, and holds; a tuple, because a page reads hundreds of them.

    Attributes:
        summed_at: when it was added up; nothing that it rests on has changed since.
        version: tells one adding up of the day from another.
        delay_s: None: the day has no records.
        due, resolved: rows within ``WITHIN``; None: some are not due yet.
        breaks_moved: whether ``resolved`` and ``due`` no longer hold.
        lists_amounts: whether its amounts are listed; those of an earlier version are not.
    """

    day_id: int
    summed_at: datetime
    version: str
    delay_s: int | None
    due: int | None
    resolved: int | None
    breaks_moved: bool
    lists_amounts: bool

    @property
    def has_rate(self) -> bool:
        """Whether its resolution rate is kept and holds."""
        return self.due is not None and not self.breaks_moved

    def is_due(self, now: datetime) -> bool:
        """Whether it has to be added up again, for its resolution rate or its amounts."""
        is_unknown = self.due is None and now - self.summed_at > RETRIED_AFTER
        return self.breaks_moved or is_unknown or not self.lists_amounts


def kept_days(connection: Connection, days: Sequence[SummedDay]) -> dict[SummedDay, DaySums]:
    """The days whose sums are kept and hold, as this connection's snapshot sees the books."""
    if not days:
        return {}
    wanted = {(day.provider, day.window.start, day.window.end): day for day in days}
    stretch = _stretch([(day.provider, day.window) for day in days])
    sums = {}
    rows = connection.execute(text(_HOLDING), stretch).all()
    for provider, starts_at, ends_at, *of_day in rows:
        day = wanted.get((provider, starts_at, ends_at))
        if day is not None:
            sums[day] = DaySums(*of_day)
    return sums


def row_versions(
    connection: Connection, windows: Collection[tuple[str, Window]]
) -> dict[tuple[str, Window], Hashable]:
    """What tells one state of the rows of days from another, as far as the database knows it.

    It changes when a day is added up, and with the first change of a round, a record or a break
    since; it says nothing of days that were never added up, such as today.

    Args:
        connection: reads it.
        windows: of days, each with its provider.
    """
    if not windows:
        return {}
    rows = connection.execute(text(_VERSIONS), _stretch(windows)).all()
    return {
        (row.provider, Window(start=row.starts_at, end=row.ends_at)): tuple(row[3:])
        for row in rows
    }


def _stretch(windows: Collection[tuple[str, Window]]) -> dict[str, Any]:
    """The providers of some windows, and the stretch of time that all of them lie in."""
    return {
        "providers": sorted({provider for provider, _ in windows}),
        "first": min(window.start for _, window in windows),
        "last": max(window.end for _, window in windows),
    }


def kept_figures(
    connection: Connection,
    kept: Mapping[SummedDay, DaySums],
    *,
    by_day: bool,
    by_game: bool,
) -> dict[str, BothFigures]:
    """Both sides of days that hold, by provider.

    Args:
        connection: that ``kept`` was read by.
        kept: the days.
        by_day: tell days apart; otherwise all cells are of the first of the days.
        by_game: tell games apart; otherwise the game of every cell is ``ALL_GAMES``.
    """
    sides: dict[str, BothFigures] = {}
    params = {
        "days": [of.day_id for of in kept.values()],
        "first": min((day.day for day in kept), default=None),
        "by_game": by_game,
    }
    query = text(_FIGURES if by_day else _FIGURES_IN_ALL)
    for provider, side, day, game, currency, *sums in connection.execute(query, params).all():
        both = sides.setdefault(provider, BothFigures(ours={}, theirs={}))
        cells = both.ours if side == "ours" else both.theirs
        cells[TotalsCell(day, game, currency)] = Figures(*map(int, sums))
    return sides


def kept_figures_of_days(
    connection: Connection, kept: Mapping[SummedDay, DaySums]
) -> dict[SummedDay, BothFigures]:
    """Both sides of each day without its games; see ``kept_figures``."""
    figures = {day: BothFigures(ours={}, theirs={}) for day in kept}
    days = {of.day_id: day for day, of in kept.items()}
    params = {"days": list(days), "by_game": False}
    for day_id, side, game, currency, *sums in connection.execute(text(_OF_DAYS), params).all():
        day = days[day_id]
        cells = figures[day].ours if side == "ours" else figures[day].theirs
        cells[TotalsCell(day.day, game, currency)] = Figures(*sums)
    return figures


def kept_sides(
    connection: Connection, provider: str, window: Window, stamp: Hashable = None
) -> BothSides:
    """Both sides of a window by currency: as they are kept if they hold, else added up."""
    params = {"provider": provider, "start": window.start, "end": window.end}
    row = connection.execute(text(_HOLDING_SIDES), params).one_or_none()
    if row is None or row.sides is None:
        return read_sides(connection, provider, window, stamp)
    ours, theirs = (
        {code: SideTotals(**totals) for code, totals in row.sides[side].items()}
        for side in SIDES
    )
    return BothSides(ours=ours, theirs=theirs)


def stale_days(
    connection: Connection, days: Sequence[SummedDay], now: datetime
) -> list[SummedDay]:
    """The days that are not kept, or no longer hold, in the order given."""
    sums = kept_days(connection, days)
    return [day for day in days if day not in sums or sums[day].is_due(now)]
