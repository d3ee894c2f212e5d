"""Ranges of match keys, and key rows partitioned to disk by range.

A table is ordered by time, and match keys are hashes. Reading one range after the other would
read every page of the table once per range. Where all partitions share a disk with the run,
the table is read once, slice by slice of time, and its key rows are written to one file per
range instead.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from reconcile.snapshot.key_rows import Layout, Packed

#: The smallest and the largest possible match key.
KEY_MIN, KEY_MAX = -(2**63), 2**63 - 1
#: The most ranges that are partitioned to disk: each of them takes an open file.
PARTITIONED_MAX = 200


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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFiles:
    """The files of one range.

    Attributes:
        ours, theirs: hold the key rows.
        balances: holds the balances before our operations; None: they are of no use.
    """

    ours: str
    theirs: str
    balances: str | None = None


def key_files(folder: Path, number: int, *, balances: bool = False) -> KeyFiles:
    """Return where the key rows of one range are stored, and its balances if of use."""
    ours, theirs, ours_before = (
        str(folder / f"keys-{name}-{number:06}") for name in ("ours", "theirs", "balances")
    )
    return KeyFiles(ours=ours, theirs=theirs, balances=ours_before if balances else None)


#: Takes a block of packed rows.
PackedSink = Callable[[Packed], None]


@contextmanager
def packed_files(paths: Sequence[str], ranges: Sequence[KeyRange]) -> Iterator[PackedSink]:
    """Provide a sink that writes each range of its packed rows to one file."""
    firsts = np.array([key_range.first for key_range in ranges], dtype=np.int64)
    with ExitStack() as stack:
        files = [stack.enter_context(Path(path).open("wb")) for path in paths]

        def write(block: Packed) -> None:
            keys = block["match_key"].astype(np.int64)
            # Of sixteen bits, a stable sort counts instead of comparing.
            numbers = (np.searchsorted(firsts, keys, side="right") - 1).astype(np.uint16)
            by_range = block.take(np.argsort(numbers, kind="stable"))
            ends = np.cumsum(np.bincount(numbers, minlength=len(ranges))).tolist()
            for file, start, end in zip(files, [0, *ends], ends, strict=False):
                file.write(by_range[start:end].tobytes())

        yield write


def read_packed(path: str, layout: Layout) -> Packed:
    """Read the packed rows of one file."""
    rows: Packed = np.fromfile(path, layout)
    return rows
