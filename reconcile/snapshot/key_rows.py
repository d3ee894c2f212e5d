"""Key rows: what a comparison asks of every row, as the database packed it when it was written.

A row is 41 bytes: key, stake, payout and name as big-endian integers, the currency's code, and
a flag. The database hands out strings of them, or rows one by one; either is read as arrays,
without parsing anything. The name is what the row itself calls its player: ours the wallet, the
provider's a hash of the handle. Only the distinct ones are looked up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from reconcile.snapshot.arrays import Flags
from reconcile.snapshot.frames import Keys

#: As ``rounds.key_row`` in ``storage/schema/ledger.sql`` packs it.
_PACKED = np.dtype(
    [
        ("match_key", ">i8"),
        ("stake", ">i8"),
        ("payout", ">i8"),
        ("name", ">i8"),
        ("currency", ">i8"),
        ("odd", "u1"),
    ]
)
_KINDS = {name: "bool" if name == "odd" else "int64" for name in _PACKED.names or ()}
Packed: TypeAlias = NDArray[np.void]
Columns: TypeAlias = dict[str, NDArray[Any]]
Cut: TypeAlias = list[Columns]
BYTES = _PACKED.itemsize

#: Gives those of the distinct names that stand for a player, and a hash of that player.
Who = Callable[[Keys], tuple[Keys, Keys]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRows:
    """How one side is asked, as queries with places for provider and window.

    Attributes:
        rows: its key rows.
        names: some of its names, each followed by a hash of the player it stands for.
    """

    rows: str
    names: str


OURS = KeyRows(
    rows="""
SELECT {our_key_row} AS key_row FROM rounds r
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
""",
    names="""
SELECT string_agg(int8send(w.wallet_id) || int8send(hashtextextended(w.player, 0)), '')
  FROM wallets w JOIN unnest({names}::bigint[]) AS asked (name) ON w.wallet_id = asked.name
""",
)
# A handle nobody mapped is the player's own reference: its hash is the player's.
THEIRS = KeyRows(
    rows="""
SELECT f.key_row FROM feed_records f
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
""",
    names="""
SELECT string_agg(int8send(name) || int8send(who), '')
  FROM (SELECT asked.name, min(hashtextextended(h.player, 0)) AS who
          FROM unnest({names}::bigint[]) AS asked (name)
          JOIN handles h ON h.provider = {provider}
                        AND hashtextextended(h.handle, 0) = asked.name
         GROUP BY asked.name) x
""",
)
#: Rows of one string that is sent.
_PIECE = 1 << 16
_IN_PIECES = """
SELECT substr(s, 1 + n * {size}, {size})
  FROM ({strings}) y, generate_series(0, (length(s) - 1) / {size}) n
"""
#: A string of the database's ends at a gigabyte. Where more rows than this may come, they are
#: told apart by the last bits of their keys.
_ROWS_PER_STRING = 10_000_000
_SLICE = "get_byte(key_row, 7) & 15"
#: What never ended and should have is odd, whatever the row says itself.
_OVERDUE = """
CASE WHEN NOT r.ended AND r.first_at < {overdue}
     THEN set_byte(r.key_row, 40, 1) ELSE r.key_row END
"""


def our_key_row(overdue: datetime | None) -> sql.Composable:
    """One of our key rows at the time of asking: rounds open since before are odd."""
    if overdue is None:
        return sql.SQL("r.key_row")
    return sql.SQL(_OVERDUE).format(overdue=sql.Literal(overdue))


def keys_said(keys: Keys) -> sql.Composable:
    """Keys or names, as a query says an array of them."""
    return sql.SQL("'{" + ",".join(map(str, keys.tolist())) + "}'")


def gathered(side: KeyRows, narrowed: str, *, at_most: int | None) -> str:
    """The query that gives a side's key rows as strings of rows, in any order.

    The strings are cut short: a message of many megabytes makes either end take fresh memory
    again and again, and that takes longer than to look for the rows. There are ``at_most`` so
    many rows; None: nobody knows.
    """
    apart = at_most is None or at_most > _ROWS_PER_STRING
    strings = f"SELECT string_agg(key_row, '') AS s FROM ({side.rows}{narrowed}) x"  # noqa: S608
    by = f" GROUP BY {_SLICE}" if apart else ""
    return _IN_PIECES.format(strings=strings + by, size=BYTES * _PIECE)


def of_string(told: bytes | pa.Buffer) -> Cut:
    """One of the strings that ``gathered`` gave."""
    return cut(np.frombuffer(told, _PACKED))


def players_of(told: Sequence[bytes]) -> tuple[Keys, Keys]:
    """The strings that ``KeyRows.names`` gave: names, and the player that each stands for."""
    pairs = np.frombuffer(b"".join(told), ">i8").astype(np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def of_rows(table: pa.Table) -> list[Cut]:
    """What ``KeyRows.rows`` gave, made ``fixed``."""
    return [cut(_unpacked(chunk)) for chunk in table["key_row"].chunks]


def rows_of(pieces: Sequence[Cut]) -> int:
    """How many rows there are."""
    return sum(len(part["match_key"]) for piece in pieces for part in piece)


def fixed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of ``KeyRows.rows`` with the packed column as one of fixed width."""
    place = batch.schema.get_field_index("key_row")
    return batch.set_column(place, "key_row", batch["key_row"].cast(pa.binary(BYTES)))


def match_keys(batch: pa.RecordBatch) -> Keys:
    """The keys of rows that are ``fixed``."""
    keys: Keys = _unpacked(batch["key_row"])["match_key"].astype(np.int64)
    return keys


def cut(packed: Packed) -> Cut:
    """The rows by sixteenths of the keys, first to last, each short enough for a cache."""
    columns = {name: packed[name].astype(kind) for name, kind in _KINDS.items()}
    sixteenth = (columns["match_key"] >> 60).astype(np.int8)
    order = np.argsort(sixteenth, kind="stable")
    told = {name: values.take(order) for name, values in columns.items()}
    bounds = np.searchsorted(sixteenth.take(order), np.arange(-7, 8)).tolist()
    return [
        {name: values[start:end] for name, values in told.items()}
        for start, end in pairwise([0, *bounds, len(order)])
    ]


def keys_frame(pieces: Sequence[Cut], who: Who) -> pd.DataFrame:
    """A KEYS frame of all rows of some pieces, but for the order of its currencies."""
    rows = rows_of(pieces)
    whole = {name: np.empty(rows, kind) for name, kind in _KINDS.items()}
    start = 0
    for parts in zip(*pieces, strict=True):
        start = _put_in_order(parts, whole, start)
    told = {
        "match_key": whole["match_key"],
        "stake": whole["stake"],
        "payout": whole["payout"],
        "currency": _currencies(whole["currency"]),
        "who": _players(whole["name"], who),
        "odd": whole["odd"],
    }
    return pd.DataFrame(told, copy=False)


def _put_in_order(parts: Sequence[Columns], whole: Columns, start: int) -> int:
    """Put the rows of one range of keys where they belong; returns where the next begin."""
    keys = np.concatenate([part["match_key"] for part in parts])
    order = sorted_places(keys)
    end = start + len(keys)
    for name, values in whole.items():
        told = np.concatenate([part[name] for part in parts])
        # No place is out of bounds: not to ask saves a copy.
        told.take(order, out=values[start:end], mode="clip")
    return end


def sorted_places(keys: Keys) -> NDArray[np.intp]:
    """The places of the keys in ascending order; equal ones keep theirs.

    By two counting sorts over the upper half of each key, and by comparing the few that are
    alike there: keys are hashes. Half the time of a sort by comparing, in which the wide
    registers that some processors do slowly play no part.
    """
    upper = (keys >> 32).astype(np.int32).view(np.uint32) ^ np.uint32(1 << 31)
    first, second = ((upper >> np.uint32(shift)).astype(np.uint16) for shift in (16, 0))
    places = np.argsort(second, kind="stable")
    places = places.take(np.argsort(first.take(places), kind="stable"))
    alike = _repeated(upper.take(places))
    few = places[alike]
    places[alike] = few[np.argsort(keys[few], kind="stable")]
    return places


def _repeated(ordered: NDArray[np.uint32]) -> Flags:
    """Which values stand beside one that is equal."""
    same = ordered[1:] == ordered[:-1]
    beside: Flags = np.zeros(len(ordered), dtype=bool)
    beside[1:] = same
    beside[:-1] |= same
    return beside


def _currencies(told: Keys) -> pd.Categorical:
    codes, distinct = _distinct(told)
    # Letters and digits in the order of their bytes: the codes' own order is that of names.
    order = np.argsort(distinct)
    names = [
        code.to_bytes(8, "big").decode("ascii").rstrip() for code in distinct[order].tolist()
    ]
    places = np.argsort(order).astype(np.int16).take(codes)
    return pd.Categorical.from_codes(places, pd.Index(names, dtype="str"))


def _players(names: Keys, who: Who) -> Keys:
    """The player that each name stands for; a name that nobody mapped stands for itself."""
    codes, distinct = _distinct(names)
    known, players = who(distinct)
    places = pd.Index(known).get_indexer(pd.Index(distinct))
    told = distinct.copy()
    told[places >= 0] = players[places[places >= 0]]
    found: Keys = told.take(codes)
    return found


def _distinct(values: Keys) -> tuple[NDArray[np.int32], Keys]:
    """Of each value its place among the distinct ones."""
    told = pa.array(values).dictionary_encode()
    return told.indices.to_numpy(), told.dictionary.to_numpy()


def _unpacked(column: pa.FixedSizeBinaryArray) -> NDArray[np.void]:
    # A buffer may be longer than what is in it.
    whole = np.frombuffer(column.buffers()[1], _PACKED, count=column.offset + len(column))
    return whole[column.offset :]
