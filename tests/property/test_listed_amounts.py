"""Packed places of amounts give back where each amount is, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.amounts.places import BLOCKS, LISTED_BELOW, blocks_of, pack, parts_of

amounts = st.one_of(
    st.integers(0, 5), st.integers(0, 100_000), st.integers(0, LISTED_BELOW - 1)
)
places = st.dictionaries(
    amounts, st.sets(st.integers(0, BLOCKS - 1), min_size=1), max_size=30
).map(lambda of: sorted(a * BLOCKS + block for a, blocks in of.items() for block in blocks))


@given(places, st.integers(1, 40), amounts)
def test_each_amount_is_in_one_part_which_names_its_blocks(
    in_order: list[int], size: int, absent: int
) -> None:
    parts = [(part[-1], pack(part)) for part in parts_of(in_order, size)]

    for amount in {absent, *(place // BLOCKS for place in in_order)}:
        lowest = amount * BLOCKS
        part = next((packed for last, packed in parts if last >= lowest), b"")
        assert blocks_of(part, amount) == [
            place % BLOCKS for place in in_order if place // BLOCKS == amount
        ]


@given(places, st.integers(1, 40))
def test_parts_are_all_places_in_order_and_only_the_last_is_smaller(
    in_order: list[int], size: int
) -> None:
    parts = list(parts_of(in_order, size))

    assert [place for part in parts for place in part] == in_order
    assert all(len(part) >= size for part in parts[:-1])


def test_places_close_together_take_a_byte_each() -> None:
    assert len(pack([7 * BLOCKS + block for block in range(BLOCKS)])) == BLOCKS + 1
