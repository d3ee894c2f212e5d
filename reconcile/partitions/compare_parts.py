"""Compare a window in parts of bounded size, wherever they run, and skip parts already done."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reconcile.matching.comparison import Comparison, merge
from reconcile.partitions.checkpoint import Checkpoint
from reconcile.partitions.options import RunOptions
from reconcile.partitions.tasks import PartitionTask, Step, run_partition
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_ranges import (
    PARTITIONED_MAX,
    KeyFiles,
    KeyRange,
    key_files,
    key_ranges,
    packed_files,
)
from reconcile.snapshot.key_rows import KEY_ROWS
from reconcile.snapshot.key_streams import stream_key_rows
from reconcile.snapshot.snapshot import Snapshot
from reconcile.snapshot.timed_keys import (
    TIMED_KEY_ROWS,
    read_balances,
)
from vocabulary.errors import Contradiction


def compare_in_parts(
    snapshot: Snapshot,
    checkpoint: Checkpoint,
    options: RunOptions,
    *,
    parts: int,
    rows: int | None,
    edge_keys: Keys,
) -> Comparison:
    """Run every part that the checkpoint does not hold yet, then merge all of them.

    Args:
        snapshot: stays open until all parts have finished.
        checkpoint: receives the results of the parts.
        options: say where the parts run.
        parts: the number of key ranges.
        rows: of the larger side; None: not counted.
        edge_keys: keys of the edge rows that take part.

    Raises:
        Unavailable: the database or the workers cannot be reached.
        Contradiction: the parts do not add up.
    """
    ranges = key_ranges(parts)
    groups = parts if snapshot.context.rules.attributes else 0
    numbers = [n for n in range(parts) if checkpoint.load_part("range", n) is None]
    group_numbers = [
        n for n in range(groups) if numbers or checkpoint.load_part("players", n) is None
    ]
    total = parts + groups
    done = total - len(numbers) - len(group_numbers)
    options.progress(done, total)
    to_disk = options.executor.shares_disk and len(numbers) > 1 and parts <= PARTITIONED_MAX
    files = _partition_to_disk(snapshot, checkpoint.folder, ranges, rows) if to_disk else None
    base = PartitionTask(
        step="range",
        number=0,
        database_url=snapshot.database_url,
        snapshot_id=snapshot.snapshot_id,
        provider=snapshot.provider,
        window=snapshot.window,
        context=snapshot.context,
        groups=groups,
    )
    range_tasks = _range_tasks(base, ranges, numbers, edge_keys, files)
    # Generators are lazy: the tasks of players read what the ranges have left by then.
    for tasks in (range_tasks, _player_tasks(base, checkpoint, group_numbers, parts)):
        for task, encoded in options.executor.run(run_partition, tasks):
            checkpoint.save_part(task.step, task.number, encoded)
            done += 1
            options.progress(done, total)
    results = [_load(checkpoint, "range", number) for number in range(parts)]
    return merge([*results, *(_load(checkpoint, "players", n) for n in range(groups))])


def _partition_to_disk(
    snapshot: Snapshot, folder: Path, ranges: tuple[KeyRange, ...], rows: int | None
) -> list[KeyFiles]:
    """Write the key rows of each range to files, and its balances if they are of use."""
    by_attributes = snapshot.context.rules.attributes
    balances = read_balances(snapshot) if by_attributes else None
    files = [
        key_files(folder, number, balances=balances is not None)
        for number in range(len(ranges))
    ]
    ours, theirs = [file.ours for file in files], [file.theirs for file in files]
    with packed_files(ours, ranges) as our_sink, packed_files(theirs, ranges) as their_sink:
        kind = TIMED_KEY_ROWS if by_attributes else KEY_ROWS
        sinks = (our_sink, their_sink)
        stream_key_rows(snapshot, kind, sinks, slices=len(ranges), at_most=rows)
    if balances is not None:
        paths = [file.balances for file in files if file.balances is not None]
        with packed_files(paths, ranges) as sink:
            for block in balances:
                sink(block)
    return files


def _range_tasks(
    base: PartitionTask,
    ranges: tuple[KeyRange, ...],
    numbers: list[int],
    edge_keys: Keys,
    files: list[KeyFiles] | None,
) -> Iterator[PartitionTask]:
    for number in numbers:
        key_range = ranges[number]
        inside = (edge_keys >= key_range.first) & (edge_keys <= key_range.last)
        yield replace(
            base,
            number=number,
            key_range=key_range,
            edge_keys=edge_keys[inside],
            key_files=None if files is None else files[number],
        )


def _player_tasks(
    base: PartitionTask, checkpoint: Checkpoint, numbers: list[int], parts: int
) -> Iterator[PartitionTask]:
    for number in numbers:
        unmatched = checkpoint.load_group(number, parts)
        yield replace(base, step="players", number=number, unmatched=unmatched)


def _load(checkpoint: Checkpoint, step: Step, number: int) -> Comparison:
    part = checkpoint.load_part(step, number)
    if part is None:
        raise Contradiction(f"part {number} of step {step!r} ended and cannot be read again")
    return part
