"""A failing list is shortened as far as possible and keeps its order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.shrink import shortest


@given(size=st.integers(1, 60), data=st.data())
def test_only_the_needed_items_remain(size: int, data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.integers(0, size - 1), min_size=1))

    assert shortest(range(size), lambda part: needed <= set(part)) == sorted(needed)


def test_no_single_item_can_be_left_out() -> None:
    def fails(part: Sequence[int]) -> bool:
        return sum(part) >= 10

    result = shortest(range(1, 9), fails)

    assert fails(result)
    assert not any(fails([x for x in result if x != left_out]) for left_out in result)


def test_a_search_that_runs_out_of_time_returns_the_shortest_list_so_far() -> None:
    calls = 0

    def fails(part: Sequence[int]) -> bool:
        nonlocal calls
        calls += 1
        return calls < 3 and 7 in part

    result = shortest(range(16), fails)

    assert 7 in result
    assert len(result) < 16
