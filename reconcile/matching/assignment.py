"""Who belongs to whom among rows that are alike: the best assignment, and what it leaves open.

Both sides are instants of rows that agree in player, currency and amounts, so what a match says
about money never depends on which of them meet. The assignment pairs as many as can be paired
within a span of time and, among those, the closest. A row it leaves over is *unsure* when
another assignment, as large and hardly further apart, would have left another row over instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Instants: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]

#: Products of both sides' rows up to which a component is solved. A larger one is paired in its
#: order: as many pairs, though not provably the closest, and every row left over is unsure.
SOLVED_MAX = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Places of the rows that meet, and of those left over that might as well have met.

    Attributes:
        first, second: places of pairs, element by element.
        unsure_first, unsure_second: places of rows left over that another assignment takes.
    """

    first: Places
    second: Places
    unsure_first: Places
    unsure_second: Places


def assign(first: Instants, second: Instants, *, within: int, clear_by: int) -> Assignment:
    """The largest, then closest pairing of two sorted arrays of instants.

    Args:
        first: ascending instants.
        second: ascending instants, in the same unit.
        within: no pair is further apart.
        clear_by: an assignment worse by no more than this might as well be the true one.
    """
    parts = [
        _solved(first[a], second[b], within, clear_by).moved(a.start, b.start)
        for a, b in _components(first, second, within)
    ]
    return Assignment(
        first=_joined([part.first for part in parts]),
        second=_joined([part.second for part in parts]),
        unsure_first=_joined([part.unsure_first for part in parts]),
        unsure_second=_joined([part.unsure_second for part in parts]),
    )


def _joined(parts: list[Places]) -> Places:
    return np.concatenate([np.zeros(0, dtype=np.intp), *parts])


def _components(
    first: Instants, second: Instants, within: int
) -> Iterator[tuple[slice, slice]]:
    """Runs of instants no further apart than ``within``; nothing pairs across their gaps."""
    together = np.sort(np.concatenate([first, second]))
    ends = [*together[:-1][np.diff(together) > within], *together[-1:]]
    a = b = 0
    for end in ends:
        until_a, until_b = (
            int(np.searchsorted(side, end, side="right")) for side in (first, second)
        )
        if until_a > a and until_b > b:
            yield slice(a, until_a), slice(b, until_b)
        a, b = until_a, until_b


@dataclass(frozen=True, slots=True)
class _Solved:
    first: Places
    second: Places
    unsure_first: Places
    unsure_second: Places

    def moved(self, a: int, b: int) -> "_Solved":
        return _Solved(
            self.first + a, self.second + b, self.unsure_first + a, self.unsure_second + b
        )


def _solved(first: Instants, second: Instants, within: int, clear_by: int) -> _Solved:
    """The best pairing of one component.

    The cost of a pair is convex in how far apart it is, so that crossing pairs are never
    better than the same rows paired in their order: the best over beginnings of both sides is
    the best of all. One pair more outweighs every distance, and all sums are whole and far
    below 2**63.
    """
    if len(first) * len(second) > SOLVED_MAX:
        return _in_order(first, second, within)
    fewer = min(len(first), len(second))
    worth = (within + 1) * (fewer + 1) + clear_by
    gains = _Gains(first, second, within, worth, -worth * (fewer + 1))
    best = _beginnings(gains)
    rows, columns = _walked_back(best)
    left = np.setdiff1d(np.arange(len(first)), rows)
    right = np.setdiff1d(np.arange(len(second)), columns)
    if not len(left) and not len(right):
        return _Solved(rows, columns, left, right)
    by_row, by_column = _through(gains, best)
    enough = best[-1, -1] - clear_by
    return _Solved(
        rows, columns, left[by_row[left] >= enough], right[by_column[right] >= enough]
    )


@dataclass(frozen=True, slots=True)
class _Gains:
    """What pairing two rows is worth: more where they are closer, a loss where too far."""

    first: Instants
    second: Instants
    within: int
    worth: int
    forbidden: int

    def of(self, row: int) -> NDArray[np.int64]:
        """The worth of one row of the first side with each of the second."""
        apart = np.abs(self.second - self.first[row])
        return np.where(apart <= self.within, self.worth - apart, self.forbidden)


def _beginnings(gains: _Gains) -> NDArray[np.int64]:
    """The best over the first so many rows of one side and so many of the other."""
    best = np.zeros((len(gains.first) + 1, len(gains.second) + 1), dtype=np.int64)
    for row in range(len(gains.first)):
        _step(best[row], gains.of(row), best[row + 1])
    return best


def _step(before: NDArray[np.int64], gain: NDArray[np.int64], after: NDArray[np.int64]) -> None:
    """The best with one row more, which is left over or paired with any of the other side."""
    after[0] = 0
    np.maximum(before[1:], before[:-1] + gain, out=after[1:])
    np.maximum.accumulate(after, out=after)


def _walked_back(best: NDArray[np.int64]) -> tuple[Places, Places]:
    """The pairs that the best consists of; of equals, the earlier rows are paired."""
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
    return _places(rows[::-1]), _places(columns[::-1])


def _through(
    gains: _Gains, best: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of every row of either side, the best assignment in which it is paired."""
    by_row = np.full(len(gains.first), gains.forbidden)
    by_column = np.full(len(gains.second), gains.forbidden)
    ends = np.zeros(len(gains.second) + 1, dtype=np.int64)
    for row in range(len(gains.first) - 1, -1, -1):
        gain = gains.of(row)
        through = best[row, :-1] + gain + ends[1:]
        by_row[row] = through.max()
        np.maximum(by_column, through, out=by_column)
        earlier = np.empty_like(ends)
        _step(ends[::-1], gain[::-1], earlier)
        ends = earlier[::-1]
    return by_row, by_column


def _places(found: list[int]) -> Places:
    return np.array(found, dtype=np.intp)


def _in_order(first: Instants, second: Instants, within: int) -> _Solved:
    """Earliest with earliest: for spans of one length no assignment makes more pairs."""
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
    paired = np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)
    left, right = (
        np.setdiff1d(np.arange(len(side)), taken)
        for side, taken in zip((first, second), paired, strict=True)
    )
    return _Solved(
        *paired, _near(left, first, second, within), _near(right, second, first, within)
    )


def _near(left: Places, mine: Instants, others: Instants, within: int) -> Places:
    """Of the rows left over, those that could have met somebody."""
    low = np.searchsorted(others, mine[left] - within, side="left")
    high = np.searchsorted(others, mine[left] + within, side="right")
    return left[high > low]
