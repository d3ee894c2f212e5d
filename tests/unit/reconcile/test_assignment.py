"""The assignment: as many pairs as can be, then the closest, and what stays unsure."""

from collections.abc import Iterable, Iterator
from math import isqrt

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.matching import assignment as assigning
from reconcile.matching.assignment import Assignment, _components, assign


def _assign(first: list[int], second: list[int], within: int, clear_by: int = 0) -> Assignment:
    return assign(
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        within=within,
        clear_by=clear_by,
    )


def _pairs(found: Assignment) -> list[tuple[int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


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
        taken = {b for _, b in fewer}
        for b, instant in enumerate(second):
            if b not in taken and abs(first[last] - instant) <= within:
                yield fewer | {(last, b)}


_instants = st.lists(st.integers(0, 20), max_size=4).map(sorted)


@given(first=_instants, second=_instants, within=st.integers(0, 9), clear_by=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_the_assignment_is_the_best_of_all_there_are(
    first: list[int], second: list[int], within: int, clear_by: int
) -> None:
    def cost(pairs: Iterable[tuple[int, int]]) -> int:
        return sum(abs(first[a] - second[b]) for a, b in pairs)

    found = _assign(first, second, within, clear_by)
    pairs = _pairs(found)
    largest = max(map(len, _every_pairing(first, second, within)))
    full = [each for each in _every_pairing(first, second, within) if len(each) == largest]
    assert frozenset(pairs) in full
    assert cost(pairs) == min(map(cost, full))


@given(first=_instants, second=_instants, within=st.integers(0, 9), clear_by=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_a_row_left_over_is_unsure_when_some_pairing_hardly_worse_takes_it(
    first: list[int], second: list[int], within: int, clear_by: int
) -> None:
    found = _assign(first, second, within, clear_by)
    taken: tuple[set[int], set[int]] = (set(), set())
    # What is far apart is solved apart: each part has an allowance of its own.
    for a, b in _components(np.array(first), np.array(second), within):
        full = list(_every_pairing(first[a], second[b], within))
        largest = max(map(len, full))
        costs = {
            pairs: sum(abs(first[a][i] - second[b][j]) for i, j in pairs)
            for pairs in full
            if len(pairs) == largest
        }
        good = [pairs for pairs, c in costs.items() if c <= min(costs.values()) + clear_by]
        taken[0].update(a.start + i for pairs in good for i, _ in pairs)
        taken[1].update(b.start + j for pairs in good for _, j in pairs)
    assert found.unsure_first.tolist() == sorted(taken[0] - set(found.first.tolist()))
    assert found.unsure_second.tolist() == sorted(taken[1] - set(found.second.tolist()))


def test_nearest_first_would_lose_a_pair_that_the_best_assignment_keeps() -> None:
    assert _pairs(_assign([0, 10], [9, 18], within=9)) == [(0, 0), (1, 1)]


def test_a_row_left_over_is_unsure_when_another_could_be_the_one() -> None:
    found = _assign([0, 1], [0], within=10, clear_by=5)
    assert (_pairs(found), found.unsure_first.tolist()) == ([(0, 0)], [1])


def test_a_row_left_over_is_certain_when_the_other_is_clearly_nearer() -> None:
    found = _assign([0, 8], [0], within=10, clear_by=5)
    assert (_pairs(found), found.unsure_first.tolist()) == ([(0, 0)], [])


def test_a_row_out_of_everybodys_reach_is_certainly_left_over() -> None:
    found = _assign([0, 50], [0], within=10, clear_by=100)
    assert found.unsure_first.tolist() == []


def test_as_many_on_either_side_leave_nothing_unsure() -> None:
    found = _assign([0, 0, 0], [0, 0, 0], within=10, clear_by=100)
    assert len(_pairs(found)) == 3
    assert found.unsure_first.tolist() == found.unsure_second.tolist() == []


def test_a_crowd_of_hundreds_is_paired_exactly() -> None:
    apart = 7
    first = [n * 100 for n in range(600)]
    second = [at + apart for at in first if at % 700]
    found = _assign(first, second, within=150, clear_by=0)
    assert len(_pairs(found)) == len(second)
    assert [first[a] + apart for a, _ in _pairs(found)] == second
    assert found.unsure_first.tolist() == []


def test_a_crowd_too_large_to_solve_is_still_paired_completely() -> None:
    many = isqrt(assigning.SOLVED_MAX) + 10
    found = _assign(
        [n * 2 for n in range(many)], [n * 2 + 1 for n in range(many - 1)], within=1
    )
    assert len(_pairs(found)) == many - 1
    assert found.unsure_second.tolist() == []
