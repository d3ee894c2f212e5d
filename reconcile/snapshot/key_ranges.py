"""Ranges of match keys, and key rows partitioned to disk by range.

A table is ordered by time, and match keys are hashes. Reading one range after the other would
read every page of the table once per range. Where all partitions share a disk with the run,
the table is read once and its key rows are written to one file per range instead.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from reconcile.snapshot.key_rows import fixed_width, match_keys

#: The smallest and the largest possible match key.
KEY_MIN, KEY_MAX = -(2**63), 2**63 - 1
#: The most ranges that are partitioned to disk: each of them takes an open file.
PARTITIONED_MAX = 200

#: Consumes a stream of record batches.
BatchSink = Callable[[pa.RecordBatchReader], None]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The match keys from ``first`` to ``last``, both included."""

    first: int = KEY_MIN
    last: int = KEY_MAX


ALL_KEYS = KeyRange()


def key_ranges(parts: int) -> tuple[KeyRange, ...]:
    """Split all keys into ``parts`` ranges of equal width.

    Keys are hashes, so the ranges hold nearly the same number of rows.
    """
    bounds = [KEY_MIN + 2**64 * part // parts for part in range(parts + 1)]
    return tuple(KeyRange(first, after - 1) for first, after in pairwise(bounds))


def key_file_paths(folder: Path, number: int) -> tuple[str, str]:
    """Return where the key rows of one range are stored, ours and theirs."""
    ours, theirs = (folder / f"keys-{side}-{number:06}" for side in ("ours", "theirs"))
    return str(ours), str(theirs)


def write_by_range(paths: Sequence[str], ranges: Sequence[KeyRange]) -> BatchSink:
    """Return a sink that writes each range of its rows to one Arrow stream file."""
    firsts = np.array([key_range.first for key_range in ranges], dtype=np.int64)

    def write(reader: pa.RecordBatchReader) -> None:
        schema = fixed_width(pa.RecordBatch.from_pylist([], schema=reader.schema)).schema
        with ExitStack() as stack:
            writers = [stack.enter_context(pa.ipc.new_stream(path, schema)) for path in paths]
            for batch in map(fixed_width, reader):
                numbers = np.searchsorted(firsts, match_keys(batch), side="right") - 1
                order = np.argsort(numbers, kind="stable")
                by_range = batch.take(pa.array(order))
                bounds = np.searchsorted(numbers[order], np.arange(len(ranges) + 1))
                for writer, start, end in zip(writers, bounds, bounds[1:], strict=False):
                    writer.write_batch(by_range.slice(start, end - start))

    return write


def read_key_file(path: str) -> pa.Table:
    """Read the key rows of one file."""
    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()
