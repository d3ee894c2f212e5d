"""A failing list becomes as short as it can, and stays in order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.shrink import shortest


@given(size=st.integers(1, 60), data=st.data())
def test_what_is_needed_remains_and_nothing_else(size: int, data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.integers(0, size - 1), min_size=1))

    assert shortest(range(size), lambda part: needed <= set(part)) == sorted(needed)


def test_no_single_item_can_be_left_out() -> None:
    def fails(part: Sequence[int]) -> bool:
        return sum(part) >= 10

    kept = shortest(range(1, 9), fails)

    assert fails(kept)
    assert not any(fails([x for x in kept if x != left]) for left in kept)


def test_a_search_that_runs_out_of_time_returns_what_it_has() -> None:
    asked = 0

    def fails(part: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return asked < 3 and 7 in part

    kept = shortest(range(16), fails)

    assert 7 in kept
    assert len(kept) < 16
