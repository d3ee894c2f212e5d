"""The assignment: as many pairs as can be, then the closest, and what stays unsure."""

from itertools import permutations
from math import isqrt
from random import Random

import numpy as np
import pytest

from reconcile import assign as assigning
from reconcile.assign import Assignment, assign


def _assign(first: list[int], second: list[int], within: int, clear_by: int = 0) -> Assignment:
    return assign(
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        within=within,
        clear_by=clear_by,
    )


def _pairs(found: Assignment) -> list[tuple[int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def _best_by_hand(first: list[int], second: list[int], within: int) -> tuple[int, int]:
    """Most pairs, then least distance, over every assignment there is."""
    if len(first) > len(second):
        first, second = second, first
    best = (0, 0)
    for chosen in permutations(second, len(first)):
        apart = [abs(a - b) for a, b in zip(first, chosen, strict=True)]
        allowed = [gap for gap in apart if gap <= within]
        best = min(best, (-len(allowed), sum(allowed)))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_the_assignment_is_the_best_of_all_there_are(seed: int) -> None:
    rng = Random(seed)
    within = rng.randint(0, 12)
    first = sorted(rng.randint(0, 30) for _ in range(rng.randint(0, 5)))
    second = sorted(rng.randint(0, 30) for _ in range(rng.randint(0, 5)))
    pairs = _pairs(_assign(first, second, within))
    apart = [abs(first[a] - second[b]) for a, b in pairs]
    assert all(gap <= within for gap in apart)
    assert (-len(pairs), sum(apart)) == _best_by_hand(first, second, within)


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


def test_a_crowd_too_large_to_solve_is_still_paired_completely() -> None:
    many = isqrt(assigning.SOLVED_MAX) + 10
    found = _assign(
        [n * 2 for n in range(many)], [n * 2 + 1 for n in range(many - 1)], within=1
    )
    assert len(_pairs(found)) == many - 1
    assert found.unsure_second.tolist() == []
