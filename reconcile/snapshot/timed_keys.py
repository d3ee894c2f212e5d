"""Key rows with the time and the balance before each row: what matching by attributes reads.

The provider reports balances with its records. Ours are those of the operations: all that were
received in the window are read once, in steps of bounded size, so that what a run reads does
not depend on how long players have played.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from psycopg import sql

from reconcile.snapshot.arrays import Flags, changes
from reconcile.snapshot.edge_keys import SPANS_MAX
from reconcile.snapshot.frames import TIMED_KEYS, Keys, Sides, same_currencies
from reconcile.snapshot.key_ranges import ALL_KEYS, KeyFiles, KeyRange, read_packed
from reconcile.snapshot.key_rows import (
    KEY_LAYOUT,
    OUR_KEY_ROWS,
    THEIR_KEY_ROWS,
    KeyRowKind,
    KeyRowQueries,
    Layout,
    Packed,
    SplitRows,
    count_rows,
    frame_of_columns,
    key_rows_query,
    sort_keys,
    sorted_columns,
    split_by_key,
    split_packed,
)
from reconcile.snapshot.query_results import Psycopg, planned, read_strings
from reconcile.snapshot.snapshot import Snapshot, range_condition

#: A key row, when the row began (microseconds since 2000), the balance before it, whether that
#: is known, and whether the round went on after the window.
TIMED_LAYOUT: Layout = np.dtype(
    [
        *KEY_LAYOUT.descr,
        ("began", ">i8"),
        ("before", ">i8"),
        ("has_before", "u1"),
        ("late", "u1"),
    ]
)
_2000_US = 946_684_800_000_000

OUR_TIMED_KEY_ROWS = KeyRowQueries(
    rows=r"""
SELECT {our_key_row} || timestamptz_send(r.first_at)
       || CASE WHEN r.last_at < {end} THEN '\x00000000000000000000'::bytea
               ELSE '\x00000000000000000001'::bytea END AS key_row
  FROM rounds r
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
""",
    names=OUR_KEY_ROWS.names,
)
THEIR_TIMED_KEY_ROWS = KeyRowQueries(
    rows=r"""
SELECT f.key_row || timestamptz_send(f.created_at)
       || coalesce(int8send(f.balance_before) || '\x0100'::bytea,
                   '\x00000000000000000000'::bytea) AS key_row
  FROM feed_records f
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
""",
    names=THEIR_KEY_ROWS.names,
)

TIMED_KEY_ROWS = KeyRowKind(
    layout=TIMED_LAYOUT, ours=OUR_TIMED_KEY_ROWS, theirs=THEIR_TIMED_KEY_ROWS
)

#: The balance before one operation of ours.
BALANCE_LAYOUT: Layout = np.dtype(
    [("match_key", ">i8"), ("wallet_id", ">i8"), ("wallet_seq", ">i8"), ("before", ">i8")]
)
_NO_BALANCES: Packed = np.empty(0, BALANCE_LAYOUT)
#: Operations that one step reads.
_OPERATIONS_PER_STEP = 500_000
_REPORTS_BALANCES = """
SELECT EXISTS (SELECT FROM feed_records f
                WHERE f.provider = {provider} AND f.created_at >= {start} - {reach}
                  AND f.created_at < {end} + {reach}
                  AND f.balance_before IS NOT NULL) AS reported
"""
# A batch commits moments after its operations were received. Books that were loaded later have
# no batch of the window: then all that came since may belong to it.
_BATCHES = """
SELECT min(batch_id) AS first, max(batch_id) AS last, sum(operations)::bigint AS operations
  FROM batches
 WHERE committed_at >= {start} - interval '10 min'
   AND committed_at < coalesce((SELECT {end} + interval '10 min'
                                 WHERE EXISTS (SELECT FROM batches
                                                WHERE committed_at >= {start}
                                                  AND committed_at < {end})), 'infinity')
"""
_BALANCES = """
SELECT string_agg(int8send(o.match_key) || int8send(o.wallet_id) || int8send(o.wallet_seq)
                  || int8send(o.balance_after - o.amount), '')
  FROM operations o
 WHERE o.batch_id >= {first} AND o.batch_id < {after} AND o.provider = {provider}
   AND o.decision = 'accepted' AND o.amount <> 0
"""


def timed_key_rows(snapshot: Snapshot, key_range: KeyRange = ALL_KEYS) -> Sides:
    """Read the rows of the window as TIMED_KEYS frames, each ordered by ``match_key``."""
    conditions = [range_condition(side, key_range) for side in "rf"]
    sides = _read(snapshot, conditions, key_range, at_most=None)
    assert sides is not None
    return sides


def timed_key_rows_up_to(snapshot: Snapshot, rows: int) -> Sides | None:
    """Read all rows of the window, or None if a side has more than ``rows``."""
    return _read(snapshot, [f" LIMIT {rows + 1}"] * 2, ALL_KEYS, at_most=rows)


def timed_key_rows_from_files(snapshot: Snapshot, files: KeyFiles) -> Sides:
    """Read rows and balances that were written to files, as ``timed_key_rows`` returns them."""
    blocks = [
        [split_by_key(read_packed(path, TIMED_LAYOUT))] for path in (files.ours, files.theirs)
    ]
    balances = files.balances
    packed = None if balances is None else read_packed(balances, BALANCE_LAYOUT)
    return _sides(snapshot, blocks, packed)


def read_balances(
    snapshot: Snapshot, key_range: KeyRange = ALL_KEYS
) -> Iterator[Packed] | None:
    """Read the balances before the operations of the window's rounds, in steps.

    Returns:
        None if the provider reports no balances, so that ours are of no use.
    """
    reach = SPANS_MAX * snapshot.context.rules.within
    reported = snapshot.query(_REPORTS_BALANCES, reach=reach)[0]["reported"]
    return _balances(snapshot, key_range) if reported else None


def _balances(snapshot: Snapshot, key_range: KeyRange) -> Iterator[Packed]:
    query = _BALANCES + range_condition("o", key_range)

    def read(bounds: tuple[int, int]) -> Callable[[Psycopg], list[bytes]]:
        first, after = map(sql.Literal, bounds)

        def step(connection: Psycopg) -> list[bytes]:
            with planned(connection, by_index=True):
                rendered = snapshot.render(query, first=first, after=after)
                return list(read_strings(connection, rendered))

        return step

    for ours, theirs in _steps(snapshot):
        for packed in snapshot.on_both(read(ours), read(theirs)):
            yield np.frombuffer(b"".join(packed), BALANCE_LAYOUT)


def _steps(snapshot: Snapshot) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the batches of two steps at a time, one for each connection."""
    span = snapshot.query(_BATCHES)[0]
    if span["first"] is None:
        return
    pairs = max(1, -(-span["operations"] // (2 * _OPERATIONS_PER_STEP)))
    first, after = span["first"], span["last"] + 1
    bounds = [first + (after - first) * n // (2 * pairs) for n in range(2 * pairs + 1)]
    for n in range(0, 2 * pairs, 2):
        yield (bounds[n], bounds[n + 1]), (bounds[n + 1], bounds[n + 2])


def _read(
    snapshot: Snapshot, conditions: Sequence[str], key_range: KeyRange, *, at_most: int | None
) -> Sides | None:
    def read(queries: KeyRowQueries, condition: str) -> Callable[[Psycopg], list[SplitRows]]:
        query = key_rows_query(queries, condition, at_most=at_most, layout=TIMED_LAYOUT)
        rendered = snapshot.render(query)

        def rows(connection: Psycopg) -> list[SplitRows]:
            packed = read_strings(connection, rendered)
            return [split_packed(block, TIMED_LAYOUT) for block in packed]

        return rows

    sides = zip((OUR_TIMED_KEY_ROWS, THEIR_TIMED_KEY_ROWS), conditions, strict=True)
    blocks = snapshot.on_both(*(read(*side) for side in sides))
    if at_most is not None and any(count_rows(side) > at_most for side in blocks):
        return None
    steps = read_balances(snapshot, key_range)
    balances = None if steps is None else np.concatenate([_NO_BALANCES, *steps])
    return _sides(snapshot, blocks, balances)


def _sides(
    snapshot: Snapshot, blocks: Sequence[list[SplitRows]], balances: Packed | None
) -> Sides:
    def frame(side: int) -> Callable[[Psycopg], pd.DataFrame]:
        return lambda _connection: _frame(snapshot, side, blocks[side], balances)

    return same_currencies(*snapshot.on_both(frame(0), frame(1)), TIMED_KEYS)


def _frame(
    snapshot: Snapshot, side: int, blocks: list[SplitRows], balances: Packed | None
) -> pd.DataFrame:
    columns = sorted_columns(blocks, TIMED_LAYOUT)
    frame = frame_of_columns(columns, lambda names: snapshot.find_players(side, names))
    columns["in_full"] = np.zeros(len(frame), dtype=bool)
    if side == 0 and balances is not None:
        _add_balances(columns, balances)
    frame["began_us"] = columns["began"] + _2000_US
    for name in ("before", "has_before", "in_full"):
        frame[name] = columns[name]
    return frame[list(TIMED_KEYS.columns)]


def _add_balances(columns: dict[str, Any], balances: Packed) -> None:
    """Set the balance before the first operation of each of our rows.

    A round without one moved nothing, unless its figures say so or it went on after the window:
    then it is read in full, and so is a key of several wallets.
    """
    moved = columns["late"] | (columns["stake"] != 0) | (columns["payout"] != 0)
    if not len(balances):
        columns["in_full"] = moved
        return
    keys, before, wallets, several = _first_operations(balances)
    at = np.minimum(np.searchsorted(keys, columns["match_key"]), len(keys) - 1)
    has_operation: Flags = keys[at] == columns["match_key"]
    same_wallet = has_operation & ~several[at] & (wallets[at] == columns["name"])
    columns["before"] = np.where(same_wallet, before[at], 0)
    columns["has_before"] = same_wallet
    columns["in_full"] = (has_operation & ~same_wallet) | (moved & ~has_operation)


def _first_operations(balances: Packed) -> tuple[Keys, Keys, Keys, Flags]:
    """Return by key: the balance before its first operation, its wallet, if it has several."""
    match_keys, wallets, seqs, before = (
        balances[name].astype(np.int64) for name in BALANCE_LAYOUT.names or ()
    )
    order = sort_keys(match_keys)
    starts = np.flatnonzero(changes(match_keys[order]))
    first = np.minimum.reduceat(seqs[order], starts)
    sizes = np.diff(np.append(starts, len(order)))
    is_first = np.flatnonzero(seqs[order] == np.repeat(first, sizes))
    # Of several wallets more than one operation may have the least position.
    of_group = np.searchsorted(starts, is_first, side="right") - 1
    at = order[is_first[changes(of_group)]]
    lowest, highest = (
        reduce(wallets[order], starts) for reduce in (np.minimum.reduceat, np.maximum.reduceat)
    )
    return match_keys[at], before[at], wallets[at], lowest != highest
