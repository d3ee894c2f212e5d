"""Key rows: the fixed-width rows that a comparison reads for every round and record.

The database packs a key row when it writes the round or record: 41 bytes with match key, stake,
payout and name as big-endian integers, the currency code, and a flag. Queries return long
strings of packed rows, which NumPy reads without parsing. The name
identifies the player as the row itself does: our wallet id, or a hash of the provider's handle.
Only distinct names are looked up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from reconcile.snapshot.arrays import Flags
from reconcile.snapshot.frames import Keys

Layout: TypeAlias = np.dtype[np.void]
#: The layout of a packed row, as the schema's functions write it. Whatever follows the columns
#: of a key row in a longer layout is read like them: one byte is a flag.
KEY_LAYOUT: Layout = np.dtype(
    [
        ("match_key", ">i8"),
        ("stake", ">i8"),
        ("payout", ">i8"),
        ("name", ">i8"),
        ("currency", ">i8"),
        ("odd", "u1"),
    ]
)
Packed: TypeAlias = NDArray[np.void]
Columns: TypeAlias = dict[str, NDArray[Any]]
SplitRows: TypeAlias = list[Columns]
ROW_BYTES = KEY_LAYOUT.itemsize

#: Looks distinct names up: returns those that stand for a player, and a hash of each player.
FindPlayers = Callable[[Keys], tuple[Keys, Keys]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRowQueries:
    """The queries of one side, with placeholders for provider and window.

    Attributes:
        rows: selects the key rows.
        names: looks names up: each found name, followed by a hash of its player.
    """

    rows: str
    names: str


OUR_KEY_ROWS = KeyRowQueries(
    rows="""
SELECT {our_key_row} AS key_row FROM rounds r
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
""",
    names="""
SELECT string_agg(int8send(w.wallet_id) || int8send(hashtextextended(w.player, 0)), '')
  FROM wallets w JOIN unnest({names}::bigint[]) AS n (name) ON w.wallet_id = n.name
""",
)
# A handle without a mapping is the player's own reference: its hash is that of the player.
THEIR_KEY_ROWS = KeyRowQueries(
    rows="""
SELECT f.key_row FROM feed_records f
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
""",
    names="""
SELECT string_agg(int8send(name) || int8send(player_hash), '')
  FROM (SELECT n.name, min(hashtextextended(h.player, 0)) AS player_hash
          FROM unnest({names}::bigint[]) AS n (name)
          JOIN handles h ON h.provider = {provider}
                        AND hashtextextended(h.handle, 0) = n.name
         GROUP BY n.name) x
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRowKind:
    """A kind of key rows: how they are packed, and the queries of either side."""

    layout: Layout
    ours: KeyRowQueries
    theirs: KeyRowQueries


KEY_ROWS = KeyRowKind(layout=KEY_LAYOUT, ours=OUR_KEY_ROWS, theirs=THEIR_KEY_ROWS)
#: Rows of one string that the database sends.
_CHUNK_ROWS = 1 << 16
_IN_CHUNKS = """
SELECT substr(s, 1 + n * {size}, {size})
  FROM ({strings}) y, generate_series(0, (length(s) - 1) / {size}) n
"""
#: A string in the database holds less than a gigabyte. If the rows of a query may come to more
#: than this, it groups them into several strings by some bits of their keys.
_BYTES_PER_STRING = 900_000_000
#: Fewer rows fit into a processor's cache as they are.
_ROWS_TO_SPLIT = 1 << 12
_KEY_BITS = "get_byte(key_row, 7) & 15"


def key_rows_query(
    queries: KeyRowQueries,
    condition: str,
    *,
    at_most: int | None,
    layout: Layout = KEY_LAYOUT,
) -> str:
    """Return the query that selects a side's key rows as strings of packed rows, unordered.

    The strings are cut into chunks. A message of many megabytes makes server and client
    allocate fresh memory again and again, which takes longer than finding the rows.

    Args:
        queries: of the side.
        condition: SQL appended to the query of its rows; may be empty.
        at_most: an upper limit of the number of rows; None: unknown.
        layout: of the rows that the query selects.
    """
    several_strings = at_most is None or at_most * layout.itemsize > _BYTES_PER_STRING
    strings = f"SELECT string_agg(key_row, '') AS s FROM ({queries.rows}{condition}) x"  # noqa: S608
    grouping = f" GROUP BY {_KEY_BITS}" if several_strings else ""
    return _IN_CHUNKS.format(strings=strings + grouping, size=layout.itemsize * _CHUNK_ROWS)


def split_packed(packed: bytes | pa.Buffer, layout: Layout = KEY_LAYOUT) -> SplitRows:
    """Read one of the strings that ``key_rows_query`` selects."""
    return split_by_key(np.frombuffer(packed, layout))


def parse_players(packed: Sequence[bytes]) -> tuple[Keys, Keys]:
    """Read what ``KeyRowQueries.names`` selects: names, and a hash of each one's player."""
    pairs = np.frombuffer(b"".join(packed), ">i8").astype(np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def count_rows(blocks: Sequence[SplitRows]) -> int:
    """Return the number of rows in some blocks."""
    return sum(len(columns["match_key"]) for block in blocks for columns in block)


def split_by_key(packed: Packed) -> SplitRows:
    """Unpack rows and split them by sixteenths of the key space, in ascending order.

    Each sixteenth is short enough for a processor's cache.
    """
    columns = unpacked_columns(packed)
    sixteenth = (columns["match_key"] >> 60).astype(np.int8)
    order = np.argsort(sixteenth, kind="stable")
    ordered = {name: values.take(order) for name, values in columns.items()}
    bounds = np.searchsorted(sixteenth.take(order), np.arange(-7, 8)).tolist()
    return [
        {name: values[start:end] for name, values in ordered.items()}
        for start, end in pairwise([0, *bounds, len(order)])
    ]


def unpacked_columns(packed: Packed) -> Columns:
    """Convert each column of packed rows to integers, or to flags if it has one byte."""
    layout = packed.dtype
    return {
        name: packed[name].astype("bool" if layout[name].itemsize == 1 else "int64")
        for name in layout.names or ()
    }


def sorted_columns(blocks: Sequence[SplitRows], layout: Layout = KEY_LAYOUT) -> Columns:
    """Join the rows of some blocks, ordered by key."""
    rows = count_rows(blocks)
    columns = {
        name: np.empty(rows, values.dtype)
        for name, values in unpacked_columns(np.empty(0, layout)).items()
    }
    if rows < _ROWS_TO_SPLIT:
        _write_sorted([part for block in blocks for part in block], columns, 0)
        return columns
    start = 0
    for same_range in zip(*blocks, strict=True):
        start = _write_sorted(same_range, columns, start)
    return columns


def keys_frame(blocks: Sequence[SplitRows], find_players: FindPlayers) -> pd.DataFrame:
    """Build a frame with the columns of KEYS, ordered by key, from all rows of some blocks.

    The caller still has to give both sides the same currency categories.
    """
    return frame_of_columns(sorted_columns(blocks), find_players)


def frame_of_columns(columns: Columns, find_players: FindPlayers) -> pd.DataFrame:
    """Build a frame with the columns of KEYS from the columns of packed rows."""
    frame_columns = {
        "match_key": columns["match_key"],
        "stake": columns["stake"],
        "payout": columns["payout"],
        "currency": _currencies(columns["currency"]),
        "player_hash": _player_hashes(columns["name"], find_players),
        "odd": columns["odd"],
    }
    return pd.DataFrame(frame_columns, copy=False)


def _write_sorted(parts: Sequence[Columns], columns: Columns, start: int) -> int:
    """Write one range of keys, sorted, into ``columns``; return where the next range starts."""
    if not parts:
        return start
    keys = np.concatenate([part["match_key"] for part in parts])
    order = sort_keys(keys)
    end = start + len(keys)
    for name, column in columns.items():
        values = np.concatenate([part[name] for part in parts])
        # All positions are in bounds; mode "clip" only avoids the copy that a check costs.
        values.take(order, out=column[start:end], mode="clip")
    return end


def sort_keys(keys: Keys) -> NDArray[np.intp]:
    """Return the positions of the keys in ascending order; the sort is stable.

    Two counting sorts order the upper half of each key; comparisons order the few keys whose
    upper halves are equal, because keys are hashes. This takes half the time of a comparison
    sort and does not use the wide registers that some processors are slow with.
    """
    upper = (keys >> 32).astype(np.int32).view(np.uint32) ^ np.uint32(1 << 31)
    high, low = ((upper >> np.uint32(shift)).astype(np.uint16) for shift in (16, 0))
    positions = np.argsort(low, kind="stable")
    positions = positions.take(np.argsort(high.take(positions), kind="stable"))
    repeated = _repeated(upper.take(positions))
    unordered = positions[repeated]
    positions[repeated] = unordered[np.argsort(keys[unordered], kind="stable")]
    return positions


def _repeated(ordered: NDArray[np.uint32]) -> Flags:
    """Flag the values that are equal to a neighbour."""
    equal = ordered[1:] == ordered[:-1]
    repeated: Flags = np.zeros(len(ordered), dtype=bool)
    repeated[1:] = equal
    repeated[:-1] |= equal
    return repeated


def _currencies(packed_codes: Keys) -> pd.Categorical:
    codes, distinct = _distinct(packed_codes)
    # Sorting the packed codes sorts the currency codes: these are ASCII letters and digits.
    order = np.argsort(distinct)
    names = [
        code.to_bytes(8, "big").decode("ascii").rstrip() for code in distinct[order].tolist()
    ]
    positions = np.argsort(order).astype(np.int16).take(codes)
    return pd.Categorical.from_codes(positions, pd.Index(names, dtype="str"))


def _player_hashes(names: Keys, find_players: FindPlayers) -> Keys:
    """Replace each name by the hash of its player; a name without a player stays."""
    codes, distinct = _distinct(names)
    mapped_names, players = find_players(distinct)
    positions = pd.Index(mapped_names).get_indexer(pd.Index(distinct))
    hashes = distinct.copy()
    hashes[positions >= 0] = players[positions[positions >= 0]]
    column: Keys = hashes.take(codes)
    return column


def _distinct(values: Keys) -> tuple[NDArray[np.int32], Keys]:
    """Return the position of each value among the distinct values, and those."""
    encoded = pa.array(values).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_numpy()
