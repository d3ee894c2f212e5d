"""Which rounds make the difference between two sums: one line per cause, exact to the unit.

Pure, over frames that the comparison made. A line says by how much the provider's GGR of a
cell differs from ours because of one round. What a round differs by as a whole counts in the
cell where its *home* is: ours, where we booked it. A record that the provider counts elsewhere
is one line there and one, turned, at home: together they are nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from reconcile.breaks import break_id
from reconcile.kinds import OF_BOOKS, Bucket
from reconcile.pass_groups import GROUP
from reconcile.seats import round_of
from reconcile.totals_read import UNKNOWN_GAME, Cell

#: One-sided and younger than the maturity.
TIMING = "timing"
#: Counted by the provider on another day, or for another game, than by us.
ELSEWHERE = "elsewhere"
#: Told by several rows that answer for each other.
GROUPED = "grouped"
#: Let pass by the tolerance.
TOLERATED = "tolerated"
#: Every cause that is no break.
NO_BREAKS = frozenset({TIMING, ELSEWHERE, GROUPED, TOLERATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one round adds to the difference of one cell.

    Attributes:
        cause: a kind of break, or one of ``NO_BREAKS``.
        ggr: the provider's GGR less ours, signed, minor units.
        alias: the provider's own name of the round, where that is another; else empty.
        break_id: of the break; None where the cause is none.
    """

    cell: Cell
    cause: str
    ggr: int
    round_id: str
    alias: str
    player: str
    break_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the comparison says, as frames.

    Attributes:
        pairs: PAIRS with ``bucket`` and ``residual``; see ``reconcile.classify``.
        breaks: the rows that break, once per kind.
        ours, theirs: the full records that were compared.
        games: of their records, by record id and occurrence.
    """

    pairs: pd.DataFrame
    breaks: pd.DataFrame
    ours: pd.DataFrame
    theirs: pd.DataFrame
    games: Mapping[tuple[str, int], str]


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of one side in its cell; None: outside the window. ``ggr`` in minor units."""

    cell: Cell | None
    ggr: int


@dataclass(frozen=True, slots=True)
class Told:
    """The lines, and rounds of ours whose game only their tie to a record tells.

    Attributes:
        moved: (from, to, round id) of such rounds.
    """

    lines: tuple[Line, ...]
    moved: tuple[tuple[Cell, Cell, str], ...]


def lines_of(provider: str, found: Found, zone: str) -> Told:
    """Every line of a comparison, and the games that it learned."""
    homes = _Homes(found, zone)
    lines = [
        *_breaks(provider, found.breaks, homes),
        *_whole_rows(found.pairs, homes),
        *_elsewhere(found.pairs, homes),
    ]
    return Told(tuple(line for line in lines if line.ggr), tuple(homes.moved(found.pairs)))


class _Homes:
    """Where each round is at home, and where its records are counted."""

    def __init__(self, found: Found, zone: str) -> None:
        games = _games_of_rounds(found)
        self._games = games
        self._theirs: dict[tuple[str, str], list[_Record]] = {}
        self._first: dict[tuple[str, str], Cell | None] = {}
        self._ours: dict[tuple[str, str], Cell | None] = {}
        self._inside: dict[tuple[str, str], bool] = {}
        self._ours_day: dict[tuple[str, str], date] = {}
        undone = set(found.theirs.loc[found.theirs["rolled_back"], "round_id"])
        for row, day in _days(found.theirs, zone):
            name = (row.round_id, row.currency)
            game = found.games.get((row.record_id, row.occurrence), UNKNOWN_GAME)
            cell = Cell(day, game, row.currency) if row.inside else None
            ggr = 0 if row.round_id in undone else row.stake - row.payout
            self._theirs.setdefault(name, []).append(_Record(cell, ggr))
            self._first.setdefault(name, cell)
        for row, day in _days(found.ours, zone):
            name = (row.round_id, row.currency)
            self._ours_day[name] = day
            self._inside[name] = row.inside

    def of(self, row: Any) -> Cell | None:
        """The cell of a row of PAIRS; None: outside the window."""
        mine = (row.round_id, row.currency)
        if mine not in self._ours_day:
            return self._first[mine]
        if not self._inside[mine]:
            return None
        return Cell(self._ours_day[mine], self._game(row), row.currency)

    def records(self, row: Any) -> list[_Record]:
        """Their records of a row of PAIRS."""
        return self._theirs.get((row.alias or row.round_id, row.currency), [])

    def moved(self, pairs: pd.DataFrame) -> Iterator[tuple[Cell, Cell, str]]:
        """Rounds inside the window whose game is not told under their own name."""
        for row in pairs[pairs["alias"] != ""].itertuples(index=False):
            home = self.of(row)
            by_name = self._games.get(round_of(str(row.round_id)), UNKNOWN_GAME)
            if home is not None and home.game != by_name:
                yield Cell(home.day, by_name, home.currency), home, str(row.round_id)

    def _game(self, row: Any) -> str:
        names = (round_of(row.round_id), round_of(row.alias))
        known = self._games.get(names[0]) or self._games.get(names[1])
        return known or UNKNOWN_GAME


def _games_of_rounds(found: Found) -> dict[str, str]:
    """The first game, by name, that their records tell of a round."""
    games: dict[str, str] = {}
    for row in found.theirs.itertuples(index=False):
        game = found.games.get((str(row.record_id), int(str(row.occurrence))))
        name = round_of(str(row.round_id))
        if game is not None:
            games[name] = min(games.get(name, game), game)
    return games


def _days(records: pd.DataFrame, zone: str) -> Iterator[tuple[Any, date]]:
    """Records in a total order, each with the business day it began on."""
    ordered = records.sort_values(["began", "record_id", "occurrence"])
    days = ordered["began"].dt.tz_convert(zone).dt.date
    return zip(ordered.itertuples(index=False), days, strict=True)


def _breaks(provider: str, breaks: pd.DataFrame, homes: _Homes) -> Iterator[Line]:
    for row in breaks[breaks["kind"].isin([str(kind) for kind in OF_BOOKS])].itertuples():
        named = break_id(provider, str(row.kind), str(row.round_id), str(row.currency))
        yield from _line(row, homes.of(row), str(row.kind), -_int(row.difference), named)


def _whole_rows(pairs: pd.DataFrame, homes: _Homes) -> Iterator[Line]:
    """Rows that differ and are no break."""
    timing = pairs["bucket"] == str(Bucket.TIMING)
    grouped = (pairs["tie"] == GROUP) & (pairs["side"] != "both")
    told = timing | grouped | (pairs["residual"] != 0)
    for row in pairs[told].itertuples():
        if row.bucket == str(Bucket.TIMING):
            cause, net = TIMING, _net(row, "theirs") - _net(row, "ours")
        elif row.residual:
            cause, net = TOLERATED, _int(row.residual)
        else:
            cause, net = GROUPED, _net(row, "theirs", "") - _net(row, "ours", "")
        yield from _line(row, homes.of(row), cause, -net)


def _elsewhere(pairs: pd.DataFrame, homes: _Homes) -> Iterator[Line]:
    """Records of theirs that do not count where their round is at home."""
    narrow = pairs[["round_id", "currency", "alias", "player_ours", "player_theirs"]]
    for row in narrow.itertuples(index=False):
        home = homes.of(row)
        for record in homes.records(row):
            if record.cell != home:
                yield from _line(row, record.cell, ELSEWHERE, record.ggr)
                yield from _line(row, home, ELSEWHERE, -record.ggr)


def _line(
    row: Any, cell: Cell | None, cause: str, ggr: int, named: str | None = None
) -> Iterator[Line]:
    if cell is not None:
        yield Line(
            cell=cell,
            cause=cause,
            ggr=ggr,
            round_id=round_of(row.round_id),
            alias=round_of(row.alias),
            player=row.player_theirs if pd.isna(row.player_ours) else row.player_ours,
            break_id=named,
        )


def _net(row: Any, side: str, *prefixes: str) -> int:
    """What a side paid out less what it took; with repeated lines unless ``""`` is named."""
    return sum(
        _int(getattr(row, f"{prefix}payout_{side}"))
        - _int(getattr(row, f"{prefix}stake_{side}"))
        for prefix in prefixes or ("", "extra_")
    )


def _int(value: Any) -> int:
    return 0 if pd.isna(value) else int(value)
