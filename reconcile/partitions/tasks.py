"""One part of a comparison: a key range, or the unmatched rows of a group of players.

``run_partition`` is a plain function from a task to bytes, so it runs equally in this process,
in a pool, or on a cluster. The order in which parts finish, the number of workers and failed
attempts cannot change its result: a part reads the snapshot that the run holds open, writes
nothing, and reads no other part of the window.
"""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from reconcile.matching.compare import compare_players, compare_range, split_players
from reconcile.partitions.codec import (
    decode_frame,
    encode_frame,
    encode_part,
    join_blobs,
    split_blobs,
)
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import Keys, Sides
from reconcile.snapshot.key_ranges import ALL_KEYS, KeyFiles, KeyRange
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.single_lookups import SnapshotReader
from reconcile.snapshot.snapshot import Snapshot
from reconcile.snapshot.timed_keys import timed_key_rows, timed_key_rows_from_files
from vocabulary.window import Window

Step = Literal["range", "players"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTask:
    """One part to do, as a value that can travel to a worker.

    Attributes:
        step: whether the part is a key range or a group of players.
        number: of the part within its step.
        snapshot_id: the snapshot that the run holds open.
        groups: into how many groups of players a range splits its unmatched rows; 0: no pass
            uses them.
        key_range, edge_keys: of a range, the keys to read in the window and around it.
        key_files: of a range, the files with its key rows; None: read them from the database.
        unmatched: of a group of players, the encoded unmatched rows of every range.
    """

    step: Step
    number: int
    database_url: str
    snapshot_id: str
    provider: str
    window: Window
    context: MatchContext
    groups: int
    key_range: KeyRange = ALL_KEYS
    edge_keys: Keys = field(default_factory=lambda: NO_KEYS)
    key_files: KeyFiles | None = None
    unmatched: tuple[bytes, ...] = ()


def run_partition(task: PartitionTask) -> bytes:
    """Compare one part and return its result, encoded.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: full rows do not add up to their key rows, or a pass does not conserve
            its rows.
    """
    with open_snapshot(
        task.database_url, task.provider, task.window, task.context, task.snapshot_id
    ) as snapshot:
        work = _players if task.step == "players" else _range
        return work(task, snapshot)


def _players(task: PartitionTask, snapshot: Snapshot) -> bytes:
    ranges = [split_blobs(encoded) for encoded in task.unmatched]
    pairs, singles = (
        pd.concat([decode_frame(frame) for frame in frames], ignore_index=True)
        for frames in zip(*ranges, strict=True)
    )
    part = compare_players(pairs, singles, task.context, SnapshotReader(snapshot))
    return encode_part(part, ())


def _range(task: PartitionTask, snapshot: Snapshot) -> bytes:
    reader = SnapshotReader(snapshot) if task.groups else None
    part = compare_range(
        _key_rows(task, snapshot),
        suspect=snapshot.straddling_keys(task.key_range),
        fetch=snapshot.records,
        context=task.context,
        edge_keys=task.edge_keys,
        reader=reader,
    )
    if reader is None:
        return encode_part(part, [])
    groups = split_players(part.unmatched, part.singles, task.groups, reader)
    return encode_part(part, [_encode_group(*group) for group in groups])


def _encode_group(pairs: pd.DataFrame, singles: pd.DataFrame) -> bytes:
    return join_blobs([encode_frame(pairs), encode_frame(singles)])


def _key_rows(task: PartitionTask, snapshot: Snapshot) -> Sides:
    if not task.groups:
        if task.key_files is None:
            return snapshot.key_rows(task.key_range)
        return snapshot.key_rows_from_files(task.key_files)
    if task.key_files is None:
        return timed_key_rows(snapshot, task.key_range)
    return timed_key_rows_from_files(snapshot, task.key_files)
