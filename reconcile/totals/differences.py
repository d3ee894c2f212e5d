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

from breaks.kinds import OF_BOOKS, Bucket
from reconcile.findings.breaks import break_id
from reconcile.matching.groups import GROUP
from reconcile.snapshot.shared_rounds import round_of
from reconcile.totals.sums import UNKNOWN_GAME, TotalsCell

#: One-sided and younger than the maturity.
TIMING = "timing"
#: Counted by the provider on another day, or for another game, than by us.
ELSEWHERE = "elsewhere"
#: Told by several rows that answer for each other.
GROUPED = "grouped"
#: Let pass by the tolerance.
TOLERATED = "tolerated"
#: Told by one line, and taken back by another one that names somebody else.
UNDONE = "undone"
#: Every cause that is no break.
NO_BREAKS = frozenset({TIMING, ELSEWHERE, GROUPED, TOLERATED, UNDONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLine:
    """What one round adds to the difference of one cell.

    Attributes:
        cause: a kind of break, or one of ``NO_BREAKS``.
        ggr: the provider's GGR less ours, signed, minor units.
        alias: the provider's own name of the round, where that is another; else empty.
        break_id: of the break; None where the cause is none.
    """

    cell: TotalsCell
    cause: str
    ggr: int
    round_id: str
    alias: str
    player: str
    break_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFrames:
    """What the comparison says, as frames.

    Attributes:
        pairs: PAIRS with ``bucket`` and ``residual``; see ``reconcile.matching.classify``.
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
class DifferenceLines:
    """The lines, and the games that a comparison learned.

    Attributes:
        learned: by name and currency of rounds whose game only their tie to a record tells.
    """

    lines: tuple[DifferenceLine, ...]
    learned: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of one side.

    Attributes:
        day: it counts on; None: outside the window.
        game: as the record itself tells; None: by the round's other records.
        ggr: minor units, nothing where it was taken back.
        undone: minor units that another record took back.
    """

    day: date | None
    game: str | None
    ggr: int
    undone: int


def lines_of(provider: str, found: ComparisonFrames, zone: str) -> DifferenceLines:
    """Every line of a comparison, and the games that it learned."""
    homes = _Homes(found, zone)
    lines = [
        *_breaks(provider, found.breaks, homes),
        *_whole_rows(found.pairs, homes),
        *_elsewhere(found.pairs, homes),
    ]
    return DifferenceLines(
        tuple(line for line in lines if line.ggr), homes.learned(found.pairs)
    )


class _Homes:
    """Where each round is at home, and where its records are counted."""

    def __init__(self, found: ComparisonFrames, zone: str) -> None:
        self._games = _games_of_rounds(found)
        self._ours = _records(found.ours, zone, None)
        self._theirs = _records(found.theirs, zone, found.games)

    def of(self, row: Any) -> TotalsCell | None:
        """The cell of a row of PAIRS; None: outside the window."""
        name = (row.round_id, row.currency)
        first = (self._ours.get(name) or self._theirs[name])[0]
        return self._cell(first, row)

    def records(self, row: Any) -> Iterator[tuple[TotalsCell | None, _Record, int]]:
        """The records of a row of PAIRS in their cells; 1 where they are theirs, -1 if ours."""
        for record in self._theirs.get((row.alias or row.round_id, row.currency), ()):
            yield self._cell(record, row), record, 1
        for record in self._ours.get((row.round_id, row.currency), ()):
            yield self._cell(record, row), record, -1

    def learned(self, pairs: pd.DataFrame) -> dict[tuple[str, str], str]:
        """Games of rounds of ours that are not told under their own name."""
        return {
            (str(row.round_id), str(row.currency)): self._game(row)
            for row in pairs[pairs["alias"] != ""].itertuples(index=False)
            if self._game(row) != self._games.get(round_of(str(row.round_id)), UNKNOWN_GAME)
        }

    def _cell(self, record: _Record, row: Any) -> TotalsCell | None:
        if record.day is None:
            return None
        return TotalsCell(record.day, record.game or self._game(row), row.currency)

    def _game(self, row: Any) -> str:
        names = (round_of(row.round_id), round_of(row.alias))
        known = self._games.get(names[0]) or self._games.get(names[1])
        return known or UNKNOWN_GAME


def _records(
    records: pd.DataFrame, zone: str, games: Mapping[tuple[str, int], str] | None
) -> dict[tuple[str, str], list[_Record]]:
    """One side's records by name and currency, in order; ours tell no games.

    The sums of the database take a player's round back where a record of that player says so;
    a comparison does where any record of the row does.
    """
    gone = records[records["rolled_back"]]
    taken_back = set(gone["round_id"])
    by_whom = (
        set() if games is None else set(zip(gone["round_id"], gone["player"], strict=True))
    )
    told: dict[tuple[str, str], list[_Record]] = {}
    for row, day in days_of(records, zone):
        ggr = row.stake - row.payout
        if row.rolled_back or (row.round_id, row.player) in by_whom:
            ggr = 0
        undone = ggr if row.round_id in taken_back else 0
        game = games and games.get((row.record_id, row.occurrence), UNKNOWN_GAME)
        record = _Record(day if row.inside else None, game or None, ggr - undone, undone)
        told.setdefault((row.round_id, row.currency), []).append(record)
    return told


def _games_of_rounds(found: ComparisonFrames) -> dict[str, str]:
    """The first game, by name, that their records tell of a round."""
    games: dict[str, str] = {}
    for row in found.theirs.itertuples(index=False):
        game = found.games.get((str(row.record_id), int(str(row.occurrence))))
        name = round_of(str(row.round_id))
        if game is not None:
            games[name] = min(games.get(name, game), game)
    return games


def days_of(records: pd.DataFrame, zone: str) -> Iterator[tuple[Any, date]]:
    """Records in a total order, each with the business day it began on."""
    ordered = records.sort_values(["began", "record_id", "occurrence"])
    days = ordered["began"].dt.tz_convert(zone).dt.date
    return zip(ordered.itertuples(index=False), days, strict=True)


def _breaks(provider: str, breaks: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    for row in breaks[breaks["kind"].isin([str(kind) for kind in OF_BOOKS])].itertuples():
        named = break_id(provider, str(row.kind), str(row.round_id), str(row.currency))
        yield from _line(row, homes.of(row), str(row.kind), -_int(row.difference), named)


def _whole_rows(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
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


def _elsewhere(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    """Records that do not count where their round is at home, or count for nothing there."""
    narrow = pairs[["round_id", "currency", "alias", "player_ours", "player_theirs"]]
    for row in narrow.itertuples(index=False):
        home = homes.of(row)
        for cell, record, sign in homes.records(row):
            yield from _line(row, cell, UNDONE, sign * record.undone)
            if cell != home:
                yield from _line(row, cell, ELSEWHERE, sign * record.ggr)
                yield from _line(row, home, ELSEWHERE, -sign * record.ggr)


def _line(
    row: Any, cell: TotalsCell | None, cause: str, ggr: int, named: str | None = None
) -> Iterator[DifferenceLine]:
    if cell is not None:
        yield DifferenceLine(
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
