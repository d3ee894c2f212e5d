"""Assign rows that look alike to each other, and find the unmatched rows that stay unsure.

All rows given here agree in player, currency and amounts, so which of them meet never changes
any money. The best assignment pairs as many rows as possible within a span of time and, among
those pairings, minimises the sum of distances. An unmatched row is *unsure* if another
assignment of the same size and at most slightly larger distance would match it and leave
another row unmatched instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reconcile.snapshot.arrays import Positions

Instants: TypeAlias = NDArray[np.int64]

#: The largest product of both sides' rows for which the best assignment of a component is
#: computed. A larger component is paired in order of time: this finds as many pairs, though not
#: provably the closest, and counts every unmatched row as unsure.
SOLVED_MAX = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Positions of the rows that are paired, and of unmatched rows that stay unsure.

    Attributes:
        first, second: positions of the pairs, element by element.
        unsure_first, unsure_second: positions of unmatched rows that another assignment pairs.
    """

    first: Positions
    second: Positions
    unsure_first: Positions
    unsure_second: Positions

    def shifted(self, first: int, second: int) -> "Assignment":
        """Add an offset to the positions of each side."""
        return Assignment(
            first=self.first + first,
            second=self.second + second,
            unsure_first=self.unsure_first + first,
            unsure_second=self.unsure_second + second,
        )


def assign(first: Instants, second: Instants, *, within: int, clear_by: int) -> Assignment:
    """Compute the largest, then closest pairing of two sorted arrays of instants.

    Args:
        first: ascending instants.
        second: ascending instants, in the same unit.
        within: the largest distance of a pair.
        clear_by: how much further apart in total another assignment may be to cause doubt.
    """
    parts = [
        _solve(first[a], second[b], within, clear_by).shifted(a.start, b.start)
        for a, b in _components(first, second, within)
    ]
    return Assignment(
        first=_concatenate([part.first for part in parts]),
        second=_concatenate([part.second for part in parts]),
        unsure_first=_concatenate([part.unsure_first for part in parts]),
        unsure_second=_concatenate([part.unsure_second for part in parts]),
    )


def _concatenate(parts: list[Positions]) -> Positions:
    return np.concatenate([np.zeros(0, dtype=np.intp), *parts])


def _components(
    first: Instants, second: Instants, within: int
) -> Iterator[tuple[slice, slice]]:
    """Split both sides at every gap longer than ``within``; no pair can span one."""
    merged = np.sort(np.concatenate([first, second]))
    ends = [*merged[:-1][np.diff(merged) > within], *merged[-1:]]
    a = b = 0
    for end in ends:
        until_a, until_b = (
            int(np.searchsorted(side, end, side="right")) for side in (first, second)
        )
        if until_a > a and until_b > b:
            yield slice(a, until_a), slice(b, until_b)
        a, b = until_a, until_b


def _solve(first: Instants, second: Instants, within: int, clear_by: int) -> Assignment:
    """Compute the best pairing of one component.

    The cost of a pair is convex in its distance, so crossing pairs are never better than the
    same rows paired in order. Dynamic programming over prefixes of both sides therefore finds
    the optimum. One more pair outweighs every distance, and all sums are integers far below
    2**63.
    """
    if len(first) * len(second) > SOLVED_MAX:
        return _pair_in_order(first, second, within)
    smaller = min(len(first), len(second))
    worth = (within + 1) * (smaller + 1) + clear_by
    gains = _Gains(first, second, within, worth, -worth * (smaller + 1))
    best = _best_of_prefixes(gains)
    rows, columns = _walk_back(best)
    left = np.setdiff1d(np.arange(len(first)), rows)
    right = np.setdiff1d(np.arange(len(second)), columns)
    if len(left) or len(right):
        by_row, by_column = _best_with_each(gains, best)
        enough = best[-1, -1] - clear_by
        left, right = left[by_row[left] >= enough], right[by_column[right] >= enough]
    return Assignment(first=rows, second=columns, unsure_first=left, unsure_second=right)


@dataclass(frozen=True, slots=True)
class _Gains:
    """The gain of pairing two rows: larger for closer ones, a loss beyond ``within``."""

    first: Instants
    second: Instants
    within: int
    worth: int
    forbidden: int

    def of(self, row: int) -> NDArray[np.int64]:
        """Return the gain of pairing one row of the first side with each of the second."""
        distance = np.abs(self.second - self.first[row])
        return np.where(distance <= self.within, self.worth - distance, self.forbidden)


def _best_of_prefixes(gains: _Gains) -> NDArray[np.int64]:
    """Return the largest gain for every pair of prefixes of both sides."""
    best = np.zeros((len(gains.first) + 1, len(gains.second) + 1), dtype=np.int64)
    for row in range(len(gains.first)):
        _add_row(best[row], gains.of(row), best[row + 1])
    return best


def _add_row(
    before: NDArray[np.int64], gain: NDArray[np.int64], after: NDArray[np.int64]
) -> None:
    """Extend the best gains by one row, which stays unmatched or is paired with any row."""
    after[0] = 0
    np.maximum(before[1:], before[:-1] + gain, out=after[1:])
    np.maximum.accumulate(after, out=after)


def _walk_back(best: NDArray[np.int64]) -> tuple[Positions, Positions]:
    """Return the pairs of the best assignment; among equals, earlier rows are paired."""
    rows, columns = [], []
    row, column = best.shape[0] - 1, best.shape[1] - 1
    while row and column:
        if best[row, column] == best[row - 1, column]:
            row -= 1
        elif best[row, column] == best[row, column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            rows.append(row)
            columns.append(column)
    return _positions(rows[::-1]), _positions(columns[::-1])


def _best_with_each(
    gains: _Gains, best: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row of either side, return the largest gain of assignments that pair it."""
    by_row = np.full(len(gains.first), gains.forbidden)
    by_column = np.full(len(gains.second), gains.forbidden)
    suffixes = np.zeros(len(gains.second) + 1, dtype=np.int64)
    for row in range(len(gains.first) - 1, -1, -1):
        gain = gains.of(row)
        through = best[row, :-1] + gain + suffixes[1:]
        by_row[row] = through.max()
        np.maximum(by_column, through, out=by_column)
        longer = np.empty_like(suffixes)
        _add_row(suffixes[::-1], gain[::-1], longer)
        suffixes = longer[::-1]
    return by_row, by_column


def _positions(values: list[int]) -> Positions:
    return np.array(values, dtype=np.intp)


def _pair_in_order(first: Instants, second: Instants, within: int) -> Assignment:
    """Pair the earliest rows first: with one span for all, no assignment makes more pairs."""
    rows, columns = [], []
    a = b = 0
    while a < len(first) and b < len(second):
        if abs(int(first[a]) - int(second[b])) <= within:
            rows.append(a)
            columns.append(b)
            a, b = a + 1, b + 1
        elif first[a] < second[b]:
            a += 1
        else:
            b += 1
    left = np.setdiff1d(np.arange(len(first)), rows)
    right = np.setdiff1d(np.arange(len(second)), columns)
    return Assignment(
        first=_positions(rows),
        second=_positions(columns),
        unsure_first=_within_reach(left, first, second, within),
        unsure_second=_within_reach(right, second, first, within),
    )


def _within_reach(
    unmatched: Positions, side: Instants, other_side: Instants, within: int
) -> Positions:
    """Return the unmatched rows that could have been paired with some row."""
    low = np.searchsorted(other_side, side[unmatched] - within, side="left")
    high = np.searchsorted(other_side, side[unmatched] + within, side="right")
    return unmatched[high > low]
