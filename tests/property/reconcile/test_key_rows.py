"""Packed key rows are read exactly, in whatever blocks and order they come."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reconcile.snapshot.arrays import BLOCK
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_rows import (
    ROW_BYTES,
    count_rows,
    keys_frame,
    parse_players,
    sort_keys,
    split_packed,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
#: Keys that are alike in their upper half, too.
KEYS = st.one_of(
    INT64, st.integers(0, 3), st.builds(lambda low: (7 << 40) + low, st.integers(0, 9))
)
CURRENCIES = st.sampled_from(["USD", "JPY", "USDT", "ABCDEFGH"])


@dataclass(frozen=True)
class Row:
    match_key: int
    stake: int
    payout: int
    name: int
    currency: str
    odd: bool

    def packed(self) -> bytes:
        numbers = (self.match_key, self.stake, self.payout, self.name)
        packed = b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
        return packed + self.currency.encode().ljust(8) + bytes([self.odd])

    def expected(self, players: dict[int, int]) -> tuple[object, ...]:
        player = players.get(self.name, self.name)
        return (self.match_key, self.stake, self.payout, self.currency, player, self.odd)


ROWS = st.lists(
    st.builds(Row, KEYS, INT64, INT64, st.integers(-3, 3), CURRENCIES, st.booleans()),
    max_size=40,
)


def framed(pieces: list[list[Row]], players: dict[int, int]) -> pd.DataFrame:
    def find_players(names: Keys) -> tuple[Keys, Keys]:
        assert len(set(names.tolist())) == len(names)
        mapped = [name for name in names.tolist() if name in players]
        hashes = [players[name] for name in mapped]
        return np.array(mapped, dtype=np.int64), np.array(hashes, dtype=np.int64)

    blocks = [split_packed(b"".join(row.packed() for row in piece)) for piece in pieces]
    assert count_rows(blocks) == sum(map(len, pieces))
    return keys_frame(blocks, find_players)


def rows_of(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(zip(*(frame[name].tolist() for name in frame), strict=True))


@given(
    pieces=st.lists(ROWS, max_size=4),
    players=st.dictionaries(st.integers(-3, 3), INT64, max_size=5),
)
def test_every_row_is_read_as_it_was_packed_in_order_of_keys(
    pieces: list[list[Row]], players: dict[int, int]
) -> None:
    rows = [row for piece in pieces for row in piece]
    expected = sorted(rows, key=lambda row: row.match_key)  # equal keys keep their places
    assert rows_of(framed(pieces, players)) == [row.expected(players) for row in expected]


@given(keys=st.lists(KEYS, max_size=200))
def test_places_are_those_of_a_stable_sort(keys: list[int]) -> None:
    array = np.array(keys, dtype=np.int64)
    assert np.array_equal(sort_keys(array), np.argsort(array, kind="stable"))


def test_more_rows_than_a_cache_holds_are_ordered_all_the_same() -> None:
    keys = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 3 * BLOCK)
    packed = np.zeros((len(keys), ROW_BYTES), dtype=np.uint8)
    packed[:, :8] = keys.astype(">i8").view(np.uint8).reshape(-1, 8)
    packed[:, 32:40] = np.frombuffer(b"EUR     ", np.uint8)
    pieces = [split_packed(part.tobytes()) for part in np.array_split(packed, 7)]
    frame = keys_frame(pieces, lambda names: (names, names))
    assert np.array_equal(frame["match_key"].to_numpy(), np.sort(keys))
    assert frame["currency"].cat.categories.tolist() == ["EUR"]


def test_nothing_makes_a_frame_without_rows() -> None:
    assert rows_of(framed([], {})) == []
    assert rows_of(framed([[]], {})) == []


@given(pairs=st.lists(st.tuples(INT64, INT64), max_size=20))
def test_names_and_players_come_in_pairs(pairs: list[tuple[int, int]]) -> None:
    packed = b"".join(n.to_bytes(8, "big", signed=True) for pair in pairs for n in pair)
    names, players = parse_players([packed])
    assert list(zip(names.tolist(), players.tolist(), strict=True)) == pairs
