"""Which rounds make the difference between two sums: one line per round and cause, exact.

This module is pure and works on the frames of a comparison. A line says how much the provider's
GGR of a cell differs from ours because of one round. The difference of a round as a whole
counts in its *home* cell: ours, if we booked it. A record that the provider counts in another
cell adds one line there and the opposite line at home; together they are zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

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
        pairs: PAIRS with ``bucket`` and ``residual``; see ``reconcile.matching.classify``.
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
            for row in named[named["alias"] != ""].itertuples(index=False)
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
    comparison drops it if any record of the row is. ``undone`` holds the difference.
    """
    rolled_back = records[records["rolled_back"]]
    undone_rounds = set(rolled_back["round_id"])
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
        undone = ggr if row.round_id in undone_rounds else 0
        game = games and games.get((row.record_id, row.occurrence), UNKNOWN_GAME)
        record = _Record(day if row.inside else None, game or None, ggr - undone, undone)
        by_round.setdefault((row.round_id, row.currency), []).append(record)
    return by_round


def _games_of_rounds(frames: ComparisonFrames) -> dict[str, str]:
    """Return the first game, in alphabetical order, of each round's records."""
    games: dict[str, str] = {}
    for row in frames.theirs.itertuples(index=False):
        game = frames.games.get((str(row.record_id), int(str(row.occurrence))))
        name = round_of(str(row.round_id))
        if game is not None:
            games[name] = min(games.get(name, game), game)
    return games


def with_days(records: pd.DataFrame, zone: str) -> Iterator[tuple[Any, date]]:
    """Yield records in a total order, each with the business day on which it began."""
    ordered = records.sort_values(["began", "record_id", "occurrence"])
    days = ordered["began"].dt.tz_convert(zone).dt.date
    return zip(ordered.itertuples(index=False), days, strict=True)


def _break_lines(
    provider: str, breaks: pd.DataFrame, homes: _Homes
) -> Iterator[DifferenceLine]:
    of_books = breaks["kind"].isin([str(kind) for kind in OF_BOOKS])
    for row in breaks[of_books].itertuples():
        kind = str(row.kind)
        id_ = break_id(provider, kind, str(row.round_id), str(row.currency))
        for cell, net in _break_cells(row, homes):
            yield from _line(row, cell, kind, -net, id_)


def _break_cells(row: Any, homes: _Homes) -> Iterator[tuple[TotalsCell | None, int]]:
    """Yield the cells in which a break counts, and its differences there.

    A round that either side spells its own way counts where each of them has it.
    """
    home, reported = homes.of(row), homes.reported(row)
    if row.kind != str(BreakKind.ID_SPELLING) or home == reported:
        yield home, _int(row.difference)
        return
    yield home, -_net(row, "ours", "")
    yield reported, _net(row, "theirs", "")


def _row_lines(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    """Yield the lines of rows that differ without being breaks."""
    timing = pairs["bucket"] == str(Bucket.TIMING)
    grouped = (pairs["tie"] == GROUP) & (pairs["side"] != "both")
    for row in pairs[timing | grouped | (pairs["residual"] != 0)].itertuples():
        if row.bucket == str(Bucket.TIMING):
            cause, net = TIMING, _net(row, "theirs") - _net(row, "ours")
        elif row.residual:
            cause, net = TOLERATED, _int(row.residual)
        else:
            cause, net = GROUPED, _net(row, "theirs", "") - _net(row, "ours", "")
        yield from _line(row, homes.of(row), cause, -net)


def _elsewhere_lines(pairs: pd.DataFrame, homes: _Homes) -> Iterator[DifferenceLine]:
    """Yield the lines of records that count outside their home cell, or not at all."""
    columns = pairs[["round_id", "currency", "alias", "player_ours", "player_theirs"]]
    for row in columns.itertuples(index=False):
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
            player=row.player_theirs if pd.isna(row.player_ours) else row.player_ours,
            break_id=id_,
        )


def _net(row: Any, side: str, *prefixes: str) -> int:
    """Return a side's payout less its stake, by default with repeated lines."""
    return sum(
        _int(getattr(row, f"{prefix}payout_{side}"))
        - _int(getattr(row, f"{prefix}stake_{side}"))
        for prefix in prefixes or ("", "extra_")
    )


def _int(value: Any) -> int:
    return 0 if pd.isna(value) else int(value)
