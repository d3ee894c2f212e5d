"""Both sides of a provider by business day, with what stored breaks explain of the difference.

Nothing is compared: the sums are those of ``reconcile.totals.tie_out``, by the same queries,
and the breaks are those that runs stored. So this module needs no pandas. By game there is one
difference: a round that the provider reports under an id of its own has no game here, because
only a comparison knows which record is its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from breaks.kinds import OF_BOOKS
from breaks.states import settled_states
from reconcile.totals.cells import NO_FIGURES, UNKNOWN_GAME, Figures, TotalsCell
from reconcile.totals.side_queries import OUR_SUMS, THEIR_SUMS
from storage.archive.row_cut import require_rows_since
from vocabulary.window import Window

#: The game of every cell where games are not looked up.
ALL_GAMES = ""
_BREAKS = """
SELECT (coalesce(b.began_at, b.first_seen) AT TIME ZONE :zone)::date AS day,
       CASE WHEN :by_game THEN coalesce(b.games[1], :unknown) ELSE '' END AS game,
       b.currency, count(*) FILTER (WHERE w.state <> ALL(:settled)) AS open_breaks,
       coalesce(-sum(b.difference) FILTER (WHERE b.kind = ANY(:of_books)), 0)::text
           AS in_breaks
  FROM breaks b JOIN break_workflows w USING (break_id)
 WHERE b.provider = :provider AND b.cleared_at IS NULL
   AND coalesce(b.began_at, b.first_seen) >= :start
   AND coalesce(b.began_at, b.first_seen) < :end
 GROUP BY 1, 2, 3
"""
_NAMES = ("provider", "zone", "unknown", "start", "end", "by_game")
_PLACEHOLDERS = {name: f":{name}" for name in _NAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSides:
    """What both sides add up to; amounts in minor units.

    Attributes:
        in_breaks: the difference of GGR, theirs less ours, that breaks explain.
        open_breaks: breaks that nobody has settled yet.
    """

    ours: Figures = NO_FIGURES
    theirs: Figures = NO_FIGURES
    in_breaks: int = 0
    open_breaks: int = 0

    @property
    def difference(self) -> int:
        """Theirs less ours in GGR."""
        return self.theirs.ggr - self.ours.ggr

    @property
    def unexplained(self) -> int:
        """What no break explains of the difference."""
        return self.difference - self.in_breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSums(ComparedSides):
    """Both sides of one cell."""

    cell: TotalsCell


@dataclass(frozen=True, slots=True, kw_only=True)
class BothFigures:
    """What either side adds up to, by cell."""

    ours: dict[TotalsCell, Figures]
    theirs: dict[TotalsCell, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakSums:
    """The breaks of a cell; see ``ComparedSides``."""

    in_breaks: int = 0
    open_breaks: int = 0


_NO_BREAKS = BreakSums()


def side_sums(
    connection: Connection, provider: str, window: Window, zone: str, *, by_game: bool
) -> list[SideSums]:
    """Add up both sides and the breaks of a window, cell by cell, in order.

    Args:
        connection: reads the database.
        provider: its slug.
        window: whose rounds count.
        zone: of the business days.
        by_game: look games up; otherwise the game of every cell is ``ALL_GAMES``.

    Raises:
        RowsAreAway: rows of the window left for archives.
    """
    both = both_figures(connection, provider, window, zone, by_game=by_game)
    breaks = break_sums(connection, provider, window, zone, by_game=by_game)
    return joined([both], breaks)


def both_figures(
    connection: Connection, provider: str, window: Window, zone: str, *, by_game: bool
) -> BothFigures:
    """Add up both sides of a window; see ``side_sums``. Raises as ``our_figures``."""
    require_rows_since(connection, window.start, f"the totals of {provider}")
    params = _parameters(provider, window, zone, by_game=by_game)
    return BothFigures(
        ours=_side(connection, OUR_SUMS, params), theirs=_side(connection, THEIR_SUMS, params)
    )


def our_figures(
    connection: Connection, provider: str, window: Window, zone: str, *, by_game: bool
) -> dict[TotalsCell, Figures]:
    """Add up our side of a window; see ``side_sums``.

    Raises:
        RowsAreAway: rows of the window left for archives.
    """
    require_rows_since(connection, window.start, f"the totals of {provider}")
    return _side(connection, OUR_SUMS, _parameters(provider, window, zone, by_game=by_game))


def break_sums(
    connection: Connection, provider: str, window: Window, zone: str, *, by_game: bool
) -> dict[TotalsCell, BreakSums]:
    """Add up the breaks of a window; see ``side_sums``."""
    params = {
        **_parameters(provider, window, zone, by_game=by_game),
        "settled": settled_states(),
        "of_books": [str(kind) for kind in OF_BOOKS],
    }
    return {
        _cell(row, by_game=by_game): BreakSums(
            in_breaks=int(row.in_breaks), open_breaks=row.open_breaks
        )
        for row in connection.execute(text(_BREAKS), params)
    }


def joined(
    parts: Iterable[BothFigures], breaks: Mapping[TotalsCell, BreakSums]
) -> list[SideSums]:
    """Both sides of windows that have no instant in common, with their breaks, in order."""
    ours: dict[TotalsCell, Figures] = {}
    theirs: dict[TotalsCell, Figures] = {}
    for part in parts:
        _add(ours, part.ours)
        _add(theirs, part.theirs)
    return [
        SideSums(
            cell=cell,
            ours=ours.get(cell, NO_FIGURES),
            theirs=theirs.get(cell, NO_FIGURES),
            in_breaks=explained.in_breaks,
            open_breaks=explained.open_breaks,
        )
        for cell in sorted({*ours, *theirs, *breaks})
        for explained in (breaks.get(cell, _NO_BREAKS),)
    ]


def in_one_day(both: BothFigures, day: date) -> BothFigures:
    """The same figures as if all of them were of one day."""
    ours: dict[TotalsCell, Figures] = {}
    theirs: dict[TotalsCell, Figures] = {}
    for cells, sums in ((both.ours, ours), (both.theirs, theirs)):
        for cell, figures in cells.items():
            _add(sums, {cell._replace(day=day): figures})
    return BothFigures(ours=ours, theirs=theirs)


def breaks_in_one_day(
    breaks: Mapping[TotalsCell, BreakSums], day: date
) -> dict[TotalsCell, BreakSums]:
    """The same breaks as if all of them were of one day."""
    sums: dict[tuple[str, str], list[int]] = {}
    for cell, part in breaks.items():
        total = sums.setdefault((cell.game, cell.currency), [0, 0])
        total[0] += part.in_breaks
        total[1] += part.open_breaks
    return {
        TotalsCell(day, game, currency): BreakSums(in_breaks=total[0], open_breaks=total[1])
        for (game, currency), total in sums.items()
    }


def _add(sums: dict[TotalsCell, Figures], part: Mapping[TotalsCell, Figures]) -> None:
    for cell, figures in part.items():
        sums[cell] = sums[cell] + figures if cell in sums else figures


def _parameters(
    provider: str, window: Window, zone: str, *, by_game: bool
) -> dict[str, object]:
    return {
        "provider": provider,
        "zone": zone,
        "unknown": UNKNOWN_GAME,
        "start": window.start,
        "end": window.end,
        "by_game": by_game,
    }


def _side(
    connection: Connection, query: str, params: Mapping[str, Any]
) -> dict[TotalsCell, Figures]:
    sums: defaultdict[TotalsCell, Figures] = defaultdict(Figures)
    statement = text(query.format(**_PLACEHOLDERS))
    for row in connection.execute(statement, dict(params)):
        sums[_cell(row, by_game=params["by_game"])] += Figures(
            rounds=row.rounds,
            bets=row.bets,
            wins=row.wins,
            rollbacks=row.rollbacks,
            stake=int(row.stake),
            payout=int(row.payout),
        )
    return sums


def _cell(row: Any, *, by_game: bool) -> TotalsCell:
    return TotalsCell(row.day, row.game if by_game else ALL_GAMES, row.currency)
