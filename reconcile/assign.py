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
from scipy.optimize import linear_sum_assignment

Instants: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]

#: Larger components are paired in their order: as many pairs, though not the closest ones.
SOLVED_MAX = 256


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
    if len(first) > SOLVED_MAX or len(second) > SOLVED_MAX:
        return _in_order(first, second, within)
    apart = np.abs(first[:, None] - second[None, :])
    # One forbidden pair costs more than all allowed ones together, so no pair is given up for
    # nearness. All costs are whole and far below 2**53: the solver's arithmetic is exact.
    forbidden = (within + 1) * (min(apart.shape) + 1)
    cost = np.where(apart <= within, apart, forbidden)
    rows, columns, best = _cheapest(cost, forbidden)
    left = np.setdiff1d(np.arange(len(first)), rows)
    right = np.setdiff1d(np.arange(len(second)), columns)
    limit = best + clear_by
    unsure_first = [r for r in left if _as_well(cost, forbidden, int(r), limit)]
    unsure_second = [r for r in right if _as_well(cost.T, forbidden, int(r), limit)]
    return _Solved(rows, columns, _places(unsure_first), _places(unsure_second))


def _places(found: list[np.intp]) -> Places:
    return np.array(found, dtype=np.intp)


def _cheapest(cost: NDArray[np.int64], forbidden: int) -> tuple[Places, Places, int]:
    rows, columns = linear_sum_assignment(cost)
    total = int(cost[rows, columns].sum())
    allowed = cost[rows, columns] < forbidden
    return rows[allowed], columns[allowed], total


def _as_well(cost: NDArray[np.int64], forbidden: int, row: int, limit: int) -> bool:
    """Whether an assignment that takes this row, and as many pairs, costs no more than that."""
    bonus = forbidden * (min(cost.shape) + 1)
    allowed = cost[row] < forbidden
    wanted = cost.copy()
    wanted[row, allowed] -= bonus
    rows, columns = linear_sum_assignment(wanted)
    taken = bool(allowed.any()) and bool(allowed[columns[rows == row]].any())
    return taken and int(cost[rows, columns].sum()) <= limit


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
