"""Key rows of a whole window, read once and laid apart by range.

A table is ordered by time and ranges are of hashes: reading range after range would read every
page of it once for each. Where the parts share a disk with the run, it is read once instead.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from reconcile.snapshot.key_ranges import KeyRange
from reconcile.snapshot.key_rows import fixed, match_keys

#: More ranges than this are read one by one: every range takes an open file.
RANGES_MAX = 200

Pour = Callable[[pa.RecordBatchReader], None]


def key_files(folder: Path, number: int) -> tuple[str, str]:
    """Where the key rows of either side in one range are laid."""
    ours, theirs = (folder / f"keys-{side}-{number:06}" for side in ("ours", "theirs"))
    return str(ours), str(theirs)


def into_files(paths: Sequence[str], ranges: Sequence[KeyRange]) -> Pour:
    """Writes what it is given, batch by batch, to one Arrow stream for each range."""
    firsts = np.array([each.first for each in ranges], dtype=np.int64)

    def pour(reader: pa.RecordBatchReader) -> None:
        schema = fixed(pa.RecordBatch.from_pylist([], schema=reader.schema)).schema
        with ExitStack() as stack:
            writers = [stack.enter_context(pa.ipc.new_stream(path, schema)) for path in paths]
            for batch in map(fixed, reader):
                places = np.searchsorted(firsts, match_keys(batch), side="right") - 1
                order = np.argsort(places, kind="stable")
                apart = batch.take(pa.array(order))
                cuts = np.searchsorted(places[order], np.arange(len(ranges) + 1))
                for writer, start, end in zip(writers, cuts, cuts[1:], strict=False):
                    writer.write_batch(apart.slice(start, end - start))

    return pour


def read_file(path: str) -> pa.Table:
    """The rows that were laid in one file."""
    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()
