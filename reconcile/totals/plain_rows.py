"""Plain rows: rounds with one row on each side, on the same day, equal in everything.

Nearly all rows are plain. What they add up to needs no comparison of full rows and no grouping
by the database, so they are read and added up span by span. The rows of all other keys are few
and are read by key. A key that is plain in one span may have a further row in another one,
which makes it one of the others: what it added is taken away again at the end. So the figures
of

    all plain rows - the plain rows of the other keys + all rows of the other keys

are exact, and no step holds more than a few spans in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from reconcile.matching.conservation import exact_sum
from reconcile.snapshot.arrays import Flags
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.packed_cells import (
    Columns,
    Span,
    SpanRows,
    read_spans,
    rows_of_keys,
    rows_of_span,
)
from vocabulary.errors import Contradiction

#: For how many spans of a day a row waits for its other side.
_WAITS_SPANS = 3
#: Columns that nobody needs of rows that agree.
_ONLY_TO_AGREE = frozenset({"name", "odd", "spans"})
_NO_KEYS: Keys = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AgreedRows:
    """The plain rows of a span: the same round at the same position of either side."""

    day: date
    ours: Columns
    theirs: Columns


#: Adds the figures of plain rows up, or takes them away again: the factor is 1 or -1.
Add = Callable[[AgreedRows, int], None]


def add_plain_rows(
    snapshot: Snapshot, zone: str, add: Add, suspect: Keys, *, instants: bool
) -> Keys:
    """Add up the plain rows of a window; returns the sorted keys of all other rows.

    Args:
        snapshot: of the window.
        zone: of the business days.
        add: called for plain rows, a span at a time.
        suspect: sorted keys whose rows are not plain, whatever they hold.
        instants: whether ``add`` needs the instants of the rows; see ``read_spans``.

    Raises:
        Contradiction: a row was lost or added up twice.
    """
    players = (_Players(snapshot, 0), _Players(snapshot, 1))
    spans: list[Span] = []
    proof = _Proof()

    def read() -> Iterator[SpanRows]:
        for rows in read_spans(snapshot, zone, instants=instants):
            spans.append(rows.span)
            proof.count(rows.ours, rows.theirs, 1)
            yield rows

    def read_again(sides: tuple[Columns, Columns]) -> Iterator[SpanRows]:
        for span in spans:
            yield SpanRows(span, *(rows_of_span(side, span) for side in sides))

    other_keys = []
    for plain, left in _matched(read(), suspect, players):
        add(plain, 1)
        proof.count(plain.ours, plain.theirs, -1)
        other_keys.append(left)
    keys = np.unique(np.concatenate([_NO_KEYS, *other_keys]))
    sides = rows_of_keys(snapshot, keys)
    proof.count(*sides, -1)
    for plain, _ in _matched(read_again(sides), suspect, players):
        add(plain, -1)
        proof.count(plain.ours, plain.theirs, 1)
    proof.check()
    return keys


@dataclass(slots=True)
class _Proof:
    """Rows, stakes and payouts of either side that were read and are not added up yet."""

    sums: list[list[int]] = field(default_factory=lambda: [[0, 0, 0], [0, 0, 0]])

    def count(self, ours: Columns, theirs: Columns, factor: int) -> None:
        """Count rows as read (1) or as added up (-1)."""
        for sums, rows in zip(self.sums, (ours, theirs), strict=True):
            sums[0] += factor * len(rows["match_key"])
            sums[1] += factor * exact_sum(rows["stake"])
            sums[2] += factor * exact_sum(rows["payout"])

    def check(self) -> None:
        """Check that each row was added up once.

        Raises:
            Contradiction: it was not.
        """
        if any(any(side) for side in self.sums):
            raise Contradiction("the totals do not conserve the rows that were read")


class _Players:
    """Looks the players of one side's names up, each name once."""

    def __init__(self, snapshot: Snapshot, side: int) -> None:
        self._snapshot, self._side = snapshot, side
        self._names, self._hashes = pd.Index(_NO_KEYS), _NO_KEYS

    def hashes(self, names: Keys) -> Keys:
        """A hash of the player of each name; a name without a player stays."""
        positions = self._names.get_indexer(pd.Index(names))
        new = pd.unique(names[positions < 0])
        if len(new):
            self._learn(new)
            positions = self._names.get_indexer(pd.Index(names))
        return self._hashes[positions]

    def _learn(self, names: Keys) -> None:
        known_names, players = self._snapshot.find_players(self._side, names)
        positions = pd.Index(known_names).get_indexer(pd.Index(names))
        hashes = names.copy()
        hashes[positions >= 0] = players[positions[positions >= 0]]
        self._names = self._names.append(pd.Index(names))
        self._hashes = np.concatenate([self._hashes, hashes])


@dataclass(slots=True)
class _Waiting:
    """Rows of one side that wait for their other side, and for how many spans they have."""

    rows: Columns | None = None

    def joined(self, rows: Columns) -> Columns:
        """The rows of a span with those that wait, ordered by key."""
        fresh = {**rows, "spans": np.zeros(len(rows["match_key"]), dtype=np.int64)}
        if self.rows is None or not len(self.rows["match_key"]):
            return fresh
        both = {name: np.concatenate([self.rows[name], fresh[name]]) for name in fresh}
        order = np.argsort(both["match_key"], kind="stable")
        return {name: values.take(order) for name, values in both.items()}


def _matched(
    spans: Iterable[SpanRows], suspect: Keys, players: tuple[_Players, _Players]
) -> Iterator[tuple[AgreedRows, Keys]]:
    """Yield the plain rows of each span, and keys of rows that are not plain.

    Whether a row is plain depends on nothing but the rows of its key and on the spans.
    """
    waiting, day = (_Waiting(), _Waiting()), None
    for rows in spans:
        if day is not None and day != rows.span.day:
            yield _nothing(day, rows), _waiting_keys(waiting)
            waiting = (_Waiting(), _Waiting())
        day = rows.span.day
        ours, theirs = waiting[0].joined(rows.ours), waiting[1].joined(rows.theirs)
        at_ours, at_theirs = _plain_positions(ours, theirs, suspect, players)
        rest = [_rest(ours, at_ours), _rest(theirs, at_theirs)]
        lonely = [_lonely(rest[0], theirs), _lonely(rest[1], ours)]
        left = [_keys(side, ~alone) for side, alone in zip(rest, lonely, strict=True)]
        waiting = (_kept(rest[0], lonely[0]), _kept(rest[1], lonely[1]))
        yield (
            AgreedRows(day, _taken(ours, at_ours), _taken(theirs, at_theirs)),
            np.concatenate(left),
        )
    if day is not None:
        yield _nothing(day, rows), _waiting_keys(waiting)


def _plain_positions(
    ours: Columns, theirs: Columns, suspect: Keys, players: tuple[_Players, _Players]
) -> tuple[Keys, Keys]:
    """The positions of rows that are alone with their key on either side, and agree."""
    our_keys, their_keys = ours["match_key"], theirs["match_key"]
    may_agree = _single(our_keys) & ~ours["odd"]
    _clear(may_agree, our_keys, suspect)
    at_ours = np.flatnonzero(may_agree)
    at_theirs = np.searchsorted(their_keys, our_keys[at_ours])
    exists = at_theirs < len(their_keys)
    at_ours, at_theirs = at_ours[exists], at_theirs[exists]
    agrees = _single(their_keys)[at_theirs] & ~theirs["odd"][at_theirs]
    for name in ("match_key", "stake", "payout", "currency"):
        agrees &= ours[name][at_ours] == theirs[name][at_theirs]
    at_ours, at_theirs = at_ours[agrees], at_theirs[agrees]
    names = (ours["name"][at_ours], theirs["name"][at_theirs])
    same = players[0].hashes(names[0]) == players[1].hashes(names[1])
    return at_ours[same], at_theirs[same]


def _single(keys: Keys) -> Flags:
    """Flag the sorted keys that occur once."""
    repeats = keys[1:] == keys[:-1]
    single = np.ones(len(keys), dtype=bool)
    single[1:] &= ~repeats
    single[:-1] &= ~repeats
    return single


def _taken(rows: Columns, positions: Keys) -> Columns:
    """Rows at some positions, without what only tells whether they agree."""
    return {
        name: values.take(positions)
        for name, values in rows.items()
        if name not in _ONLY_TO_AGREE
    }


def _rest(rows: Columns, positions: Keys) -> Columns:
    rest = np.ones(len(rows["match_key"]), dtype=bool)
    rest[positions] = False
    at = np.flatnonzero(rest)
    return {name: values.take(at) for name, values in rows.items()}


def _lonely(rows: Columns, other_side: Columns) -> Flags:
    """Flag rows whose other side may still come: nothing of their key is there yet."""
    keys, other_keys = rows["match_key"], other_side["match_key"]
    lonely: Flags = _single(keys) & ~rows["odd"] & (rows["spans"] < _WAITS_SPANS)
    return lonely & ~_are_among(keys, other_keys)


def _clear(flags: Flags, keys: Keys, suspect: Keys) -> None:
    """Clear the flags of sorted keys, each of which is there once, that are suspect."""
    at = np.searchsorted(keys, suspect)
    at, suspect = at[at < len(keys)], suspect[at < len(keys)]
    flags[at[keys[at] == suspect]] = False


def _are_among(keys: Keys, other_keys: Keys) -> Flags:
    """Flag the keys that are among other sorted keys."""
    if not len(other_keys):
        return np.zeros(len(keys), dtype=bool)
    at = np.minimum(np.searchsorted(other_keys, keys), len(other_keys) - 1)
    flags: Flags = other_keys[at] == keys
    return flags


def _keys(rows: Columns, flags: Flags) -> Keys:
    keys: Keys = rows["match_key"][flags]
    return keys


def _kept(rows: Columns, flags: Flags) -> _Waiting:
    columns = {name: values[flags] for name, values in rows.items()}
    columns["spans"] = columns["spans"] + 1
    return _Waiting(columns)


def _waiting_keys(waiting: tuple[_Waiting, _Waiting]) -> Keys:
    return np.concatenate(
        [_NO_KEYS, *(side.rows["match_key"] for side in waiting if side.rows is not None)]
    )


def _nothing(day: date, rows: SpanRows) -> AgreedRows:
    none = np.zeros(0, dtype=np.intp)
    return AgreedRows(day, _taken(rows.ours, none), _taken(rows.theirs, none))
