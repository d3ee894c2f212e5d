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
from reconcile.partitions.codec import decode_frame, encode_frame, encode_part
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_ranges import ALL_KEYS, KeyRange
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.snapshot import open_snapshot
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
        key_files: of a range, the files with its key rows, ours and theirs; None: read them
            from the database.
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
    key_files: tuple[str, str] | None = None
    unmatched: tuple[bytes, ...] = ()


def run_partition(task: PartitionTask) -> bytes:
    """Compare one part and return its result, encoded.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: full rows do not add up to their key rows, or a pass does not conserve
            its rows.
    """
    if task.step == "players":
        rows = pd.concat([decode_frame(frame) for frame in task.unmatched])
        return encode_part(compare_players(rows, task.context), ())
    with open_snapshot(
        task.database_url, task.provider, task.window, task.context, task.snapshot_id
    ) as snapshot:
        sides = (
            snapshot.key_rows(task.key_range)
            if task.key_files is None
            else snapshot.key_rows_from_files(*task.key_files)
        )
        part = compare_range(
            sides,
            suspect=snapshot.straddling_keys(task.key_range),
            fetch=snapshot.records,
            context=task.context,
            edge_keys=task.edge_keys,
        )
    groups = split_players(part.unmatched, task.groups) if task.groups else ()
    return encode_part(part, [encode_frame(group) for group in groups])
