"""The assignment: as many pairs as possible, then the closest, and which rows stay unsure."""

from collections.abc import Iterable, Iterator
from math import isqrt

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.matching import assignment as assignment_module
from reconcile.matching.assignment import Assignment, _components, assign


def _assign(first: list[int], second: list[int], within: int, clear_by: int = 0) -> Assignment:
    return assign(
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        within=within,
        clear_by=clear_by,
    )


def _pairs(assignment: Assignment) -> list[tuple[int, int]]:
    return list(zip(assignment.first.tolist(), assignment.second.tolist(), strict=True))


def _every_pairing(
    first: list[int], second: list[int], within: int
) -> Iterator[frozenset[tuple[int, int]]]:
    """Every set of allowed pairs in which no row is paired twice."""
    if not first:
        yield frozenset()
        return
    last = len(first) - 1
    for fewer in _every_pairing(first[:last], second, within):
        yield fewer
        paired = {b for _, b in fewer}
        for b, instant in enumerate(second):
            if b not in paired and abs(first[last] - instant) <= within:
                yield fewer | {(last, b)}


_instants = st.lists(st.integers(0, 20), max_size=4).map(sorted)


@given(first=_instants, second=_instants, within=st.integers(0, 9), clear_by=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_the_assignment_is_the_best_of_all_there_are(
    first: list[int], second: list[int], within: int, clear_by: int
) -> None:
    def cost(pairs: Iterable[tuple[int, int]]) -> int:
        return sum(abs(first[a] - second[b]) for a, b in pairs)

    assignment = _assign(first, second, within, clear_by)
    pairs = _pairs(assignment)
    largest = max(map(len, _every_pairing(first, second, within)))
    full = [p for p in _every_pairing(first, second, within) if len(p) == largest]
    assert frozenset(pairs) in full
    assert cost(pairs) == min(map(cost, full))


@given(first=_instants, second=_instants, within=st.integers(0, 9), clear_by=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_an_unmatched_row_is_unsure_when_a_slightly_worse_pairing_takes_it(
    first: list[int], second: list[int], within: int, clear_by: int
) -> None:
    assignment = _assign(first, second, within, clear_by)
    paired: tuple[set[int], set[int]] = (set(), set())
    # Components are solved separately: each has a ``clear_by`` of its own.
    for a, b in _components(np.array(first), np.array(second), within):
        full = list(_every_pairing(first[a], second[b], within))
        largest = max(map(len, full))
        costs = {
            pairs: sum(abs(first[a][i] - second[b][j]) for i, j in pairs)
            for pairs in full
            if len(pairs) == largest
        }
        good = [pairs for pairs, c in costs.items() if c <= min(costs.values()) + clear_by]
        paired[0].update(a.start + i for pairs in good for i, _ in pairs)
        paired[1].update(b.start + j for pairs in good for _, j in pairs)
    assert assignment.unsure_first.tolist() == sorted(
        paired[0] - set(assignment.first.tolist())
    )
    assert assignment.unsure_second.tolist() == sorted(
        paired[1] - set(assignment.second.tolist())
    )


def test_nearest_first_would_lose_a_pair_that_the_best_assignment_keeps() -> None:
    assert _pairs(_assign([0, 10], [9, 18], within=9)) == [(0, 0), (1, 1)]


def test_an_unmatched_row_is_unsure_when_another_could_be_unmatched_instead() -> None:
    assignment = _assign([0, 1], [0], within=10, clear_by=5)
    assert (_pairs(assignment), assignment.unsure_first.tolist()) == ([(0, 0)], [1])


def test_an_unmatched_row_is_certain_when_the_other_is_clearly_nearer() -> None:
    assignment = _assign([0, 8], [0], within=10, clear_by=5)
    assert (_pairs(assignment), assignment.unsure_first.tolist()) == ([(0, 0)], [])


def test_a_row_out_of_reach_is_certainly_unmatched() -> None:
    assignment = _assign([0, 50], [0], within=10, clear_by=100)
    assert assignment.unsure_first.tolist() == []


def test_as_many_on_either_side_leave_nothing_unsure() -> None:
    assignment = _assign([0, 0, 0], [0, 0, 0], within=10, clear_by=100)
    assert len(_pairs(assignment)) == 3
    assert assignment.unsure_first.tolist() == assignment.unsure_second.tolist() == []


def test_a_crowd_of_hundreds_is_paired_exactly() -> None:
    apart = 7
    first = [n * 100 for n in range(600)]
    second = [at + apart for at in first if at % 700]
    assignment = _assign(first, second, within=150, clear_by=0)
    assert len(_pairs(assignment)) == len(second)
    assert [first[a] + apart for a, _ in _pairs(assignment)] == second
    assert assignment.unsure_first.tolist() == []


def test_a_crowd_too_large_to_solve_is_still_paired_completely() -> None:
    size = isqrt(assignment_module.SOLVED_MAX) + 10
    assignment = _assign(
        [n * 2 for n in range(size)], [n * 2 + 1 for n in range(size - 1)], within=1
    )
    assert len(_pairs(assignment)) == size - 1
    assert assignment.unsure_second.tolist() == []
