"""Which rounds make the difference between two sums: one line per round and cause, exact.

This module is pure and works on the frames of a comparison. A line says how much the provider's
GGR of a cell differs from ours because of one round. The difference of a round as a whole
counts in its *home* cell: ours, if we booked it. A record that the provider counts in another
cell adds one line there and the opposite line at home; together they are zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa

from breaks.kinds import OF_BOOKS, BreakKind, Bucket
from reconcile.findings.breaks import break_id
from reconcile.matching.groups import GROUP
from reconcile.snapshot.shared_rounds import round_of
from reconcile.totals.cells import UNKNOWN_GAME, TotalsCell

#: One-sided and immature.
TIMING = "timing"
#: Counted by the provider on another day, or for another game, than by us.
ELSEWHERE = "elsewhere"
#: One row that matches several rows as a group.
GROUPED = "grouped"
#: Accepted by the tolerance.
TOLERATED = "tolerated"
#: Rolled back by another line, which names another player.
UNDONE = "undone"
#: Every cause that is not a break.
NO_BREAKS = frozenset({TIMING, ELSEWHERE, GROUPED, TOLERATED, UNDONE})


class _RoundName(NamedTuple):
    """How both sides name a round."""

    round_id: str
    currency: str
    alias: str


class _NamedRow(NamedTuple):
    """A row of PAIRS without its money."""

    round_id: str
    currency: str
    alias: str
    player_ours: str | None
    player_theirs: str | None


class _BreakRow(NamedTuple):
    """A row that breaks; amounts are of the first lines of either side."""

    round_id: str
    currency: str
    alias: str
    player_ours: str | None
    player_theirs: str | None
    kind: str
    difference: int | None
    stake_ours: int | None
    stake_theirs: int | None
    payout_ours: int | None
    payout_theirs: int | None


class _PairRow(NamedTuple):
    """A row of PAIRS; extra amounts are of repeated lines."""

    round_id: str
    currency: str
    alias: str
    player_ours: str | None
    player_theirs: str | None
    bucket: str
    residual: int
    immature: bool
    stake_ours: int | None
    stake_theirs: int | None
    payout_ours: int | None
    payout_theirs: int | None
    extra_stake_ours: int | None
    extra_stake_theirs: int | None
    extra_payout_ours: int | None
    extra_payout_theirs: int | None


class _RecordRow(NamedTuple):
    """A full record of either side."""

    round_id: str
    currency: str
    player: str
    record_id: str
    occurrence: int
    stake: int
    payout: int
    rolled_back: bool
    inside: bool


_RowT = TypeVar("_RowT", _RoundName, _NamedRow, _BreakRow, _PairRow, _RecordRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLine:
    """What one round adds to the difference of one cell.

    Attributes:
        cause: a kind of break, or one of ``NO_BREAKS``.
        ggr: the provider's GGR less ours, signed, minor units.
        alias: the provider's own round id if it differs; else empty.
        break_id: of the break; None if the cause is not a break.
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
    """The frames of a comparison.

    Attributes:
        pairs: PAIRS with ``bucket``, ``residual`` and ``immature``; see ``Classified``.
        breaks: the rows that break, once per kind.
        ours, theirs: the full records that were compared.
        games: of the provider's records, by record id and occurrence.
    """

    pairs: pd.DataFrame
    breaks: pd.DataFrame
    ours: pd.DataFrame
    theirs: pd.DataFrame
    games: Mapping[tuple[str, int], str]


@dataclass(frozen=True, slots=True)
class DifferenceLines:
    """All lines, and the games that the comparison adds.

    Attributes:
        learned: games of rounds, by name and currency, that only a matched record shows.
    """

    lines: tuple[DifferenceLine, ...]
    learned: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of one side.

    Attributes:
        day: the business day it counts on; None: outside the window.
        game: as the record has it; None: see the other records of its round.
        ggr: minor units; zero if it was rolled back.
        undone: minor units that another record rolled back.
    """

    day: date | None
    game: str | None
    ggr: int
    undone: int


def difference_lines(provider: str, frames: ComparisonFrames, zone: str) -> DifferenceLines:
    """Return all lines of a comparison, and the games that it adds."""
    homes = _Homes(frames, zone)
    lines = [
        *_break_lines(provider, frames.breaks, homes),
        *_row_lines(frames.pairs, homes),
        *_elsewhere_lines(frames.pairs, homes),
    ]
    return DifferenceLines(tuple(line for line in lines if line.ggr), homes.learned(frames))


class _Homes:
    """Finds the home cell of each round, and the cells in which its records count."""

    def __init__(self, frames: ComparisonFrames, zone: str) -> None:
        self._games = _games_of_rounds(frames)
        self._ours = _records(frames.ours, zone, None)
        self._theirs = _records(frames.theirs, zone, frames.games)

    def of(self, row: Any) -> TotalsCell | None:
        """Return the home cell of a row of PAIRS; None if it is outside the window."""
        name = (row.round_id, row.currency)
        first = (self._ours.get(name) or self._theirs[name])[0]
        return self._cell(first, row)

    def reported(self, row: Any) -> TotalsCell | None:
        """Return the cell of the provider's first record under its own round id."""
        records = self._theirs.get((row.alias, row.currency))
        return self._cell(records[0], row) if records else None

    def records(self, row: Any) -> Iterator[tuple[TotalsCell | None, _Record, int]]:
        """Yield the records of a row of PAIRS with their cells, and 1 if theirs, -1 if ours."""
        for record in self._theirs.get((row.alias or row.round_id, row.currency), ()):
            yield self._cell(record, row), record, 1
        for record in self._ours.get((row.round_id, row.currency), ()):
            yield self._cell(record, row), record, -1

    def learned(self, frames: ComparisonFrames) -> dict[tuple[str, str], str]:
        """Return the games of our rounds that the provider reports under another id."""
        columns = ["round_id", "currency", "alias"]
        spelled = frames.breaks["kind"] == str(BreakKind.ID_SPELLING)
        named = pd.concat([frames.pairs[columns], frames.breaks.loc[spelled, columns]])
        return {
            (str(row.round_id), str(row.currency)): self._game(row)
            for row in _rows(named[named["alias"] != ""], _RoundName)
            if self._game(row) != self._games.get(round_of(str(row.round_id)), UNKNOWN_GAME)
        }

    def _cell(self, record: _Record, row: Any) -> TotalsCell | None:
        if record.day is None:
            return None
        return TotalsCell(record.day, record.game or self._game(row), row.currency)

    def _game(self, row: Any) -> str:
        names = (round_of(row.round_id), round_of(row.alias))
        return self._games.get(names[0]) or self._games.get(names[1]) or UNKNOWN_GAME


def _records(
    records: pd.DataFrame, zone: str, games: Mapping[tuple[str, int], str] | None
) -> dict[tuple[str, str], list[_Record]]:
    """Collect one side's records by round and currency, in order; ours have no games.

    The sums of the database drop a player's round if a record of that player is rolled back. A
    comparison drops it if any record of the row is, of ours in the same currency. ``undone``
    holds the difference.
    """
    rolled_back = records[records["rolled_back"]]
    undone_rounds = set(rolled_back["round_id"])
    undone_rows = set(zip(rolled_back["round_id"], rolled_back["currency"], strict=True))
    undone_players = (
        set()
        if games is None
        else set(zip(rolled_back["round_id"], rolled_back["player"], strict=True))
    )
    by_round: dict[tuple[str, str], list[_Record]] = {}
    for row, day in with_days(records, zone):
        ggr = row.stake - row.payout
        if row.rolled_back or (row.round_id, row.player) in undone_players:
            ggr = 0
        is_undone = row.round_id in undone_rounds
        if games is None:
            is_undone = (row.round_id, row.currency) in undone_rows
        undone = ggr if is_undone else 0
        game = games and games.get((row.record_id, row.occurrence), UNKNOWN_GAME)
        record = _Record(day if row.inside else None, game or None, ggr - undone, undone)
        by_round.setdefault((row.round_id, row.currency), []).append(record)
    return by_round


def _games_of_rounds(frames: ComparisonFrames) -> dict[str, str]:
    """Return the first game, in alphabetical order, of each round's records."""
    games: dict[str, str] = {}
    for row in _rows(frames.theirs, _RecordRow):
        game = frames.games.get((row.record_id, row.occurrence))
        name = round_of(row.round_id)
        if game is not None:
            games[name] = min(games.get(name, game), game)
    return games


def with_days(records: pd.DataFrame, zone: str) -> Iterator[tuple[_RecordRow, date]]:
    """Yield records in a total order, each with the business day on which it began."""
    ordered = records.sort_values(["began", "record_id", "occurrence"])
    days = ordered["began"].dt.tz_convert(zone).dt.date
    return zip(_rows(ordered, _RecordRow), days, strict=True)


def _rows(frame: pd.DataFrame, row_type: type[_RowT]) -> Iterator[_RowT]:
    """Yield the rows of some columns of a frame; a null is None.

    A frame yields its rows value by value through pandas, which takes longer than all else
    here: whole columns are converted at once.
    """
    columns = [pa.array(frame[name], from_pandas=True).to_pylist() for name in row_type._fields]
    return map(row_type._make, zip(*columns, strict=True))


def _break_lines(
    provider: str, breaks: pd.DataFrame, homes: _Homes
) -> Iterator[DifferenceLine]:
    of_books = breaks["kind"].isin([str(kind) for kind in OF_BOOKS])
    for row in _rows(breaks[of_books], _BreakRow):
        kind = str(row.kind)
        id_ = break_id(provider, kind, row.round_id, row.currency)
        for cell, net in _break_cells(row, homes):
            yield from _line(row, cell, kind, -net, id_)


def _break_cells(row: Any, homes: _Homes) -> Iterator[tuple[TotalsCell | None, int]]:
    """Yield the cells in which a break counts, and its differences there.

    A round that either side spells its own way counts where each of them has it.
    """
    home, reported = homes.of(row), homes.reported(row)
    if row.kind != str(BreakKind.ID_SPELLING) or home == reported:
        yield home, row.difference or 0
        return
    yield home, -_net(row, "ours", "")
    yield reported, _net(row, "theirs", "")


def _row_lines(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    """Yield the lines of rows that differ without being breaks."""
    timing = pairs["bucket"] == str(Bucket.TIMING)
    grouped = (pairs["tie"] == GROUP) & (pairs["side"] != "both")
    differ = timing | grouped | pairs["immature"] | (pairs["residual"] != 0)
    for row in _rows(pairs[differ], _PairRow):
        net = _net(row, "theirs", "") - _net(row, "ours", "")
        if row.bucket == str(Bucket.TIMING):
            cause, net = TIMING, _net(row, "theirs") - _net(row, "ours")
        elif row.immature:  # what else is wrong with it has lines of its own
            cause = TIMING
        elif row.residual:
            cause, net = TOLERATED, row.residual
        else:
            cause = GROUPED
        yield from _line(row, homes.of(row), cause, -net)


def _elsewhere_lines(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    """Yield the lines of records that count outside their home cell, or not at all."""
    for row in _rows(pairs, _NamedRow):
        home = homes.of(row)
        for cell, record, sign in homes.records(row):
            yield from _line(row, cell, UNDONE, sign * record.undone)
            if cell != home:
                yield from _line(row, cell, ELSEWHERE, sign * record.ggr)
                yield from _line(row, home, ELSEWHERE, -sign * record.ggr)


def _line(
    row: Any, cell: TotalsCell | None, cause: str, ggr: int, id_: str | None = None
) -> Iterator[DifferenceLine]:
    if cell is not None:
        yield DifferenceLine(
            cell=cell,
            cause=cause,
            ggr=ggr,
            round_id=round_of(row.round_id),
            alias=round_of(row.alias),
            player=row.player_theirs if row.player_ours is None else row.player_ours,
            break_id=id_,
        )


def _net(row: Any, side: str, *prefixes: str) -> int:
    """Return a side's payout less its stake, by default with repeated lines."""
    return sum(
        (getattr(row, f"{prefix}payout_{side}") or 0)
        - (getattr(row, f"{prefix}stake_{side}") or 0)
        for prefix in prefixes or ("", "extra_")
    )
