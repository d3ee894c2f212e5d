"""The child process that reads one file: ``python -m feeds.statements.reading.confined.child``.

Standard input is the file. The job, a pickled ``ChildJob``, comes from the file descriptor that
the first argument names. Results go to standard output: pickled lists, an empty one at the end.
"""

import gc
import os
import pickle
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from feeds.staged_rows import StagedRows
from feeds.statements.reading.confined.limits import ReadLimits

#: Items of one message.
BATCH_ITEMS = 500
#: The exit code of a child that ran out of memory.
NO_MEMORY = 77

_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class ChildJob:
    """What a child reads.

    Attributes:
        read: reads the file; its items are sent back.
        modules: are loaded before memory is limited.
        limits: the child's own.
    """

    read: Callable[[BinaryIO], Iterator[object]]
    modules: tuple[str, ...]
    limits: ReadLimits


def main() -> None:
    """Do the job."""
    with os.fdopen(int(sys.argv[1]), "rb") as source:
        job = pickle.load(source)  # noqa: S301 - our parent wrote it
    for module in job.modules:
        __import__(module)
    _limit(job.limits)
    gc.freeze()  # what is imported is not searched for garbage
    try:
        _send_items(job)
    except MemoryError:
        os._exit(NO_MEMORY)


def _send_items(job: ChildJob) -> None:
    batch: list[object] = []
    for item in job.read(sys.stdin.buffer):
        batch.append(item)
        if len(batch) == BATCH_ITEMS or isinstance(item, StagedRows):
            _send(batch)
            batch = []
    if batch:
        _send(batch)
    _send([])


def _limit(limits: ReadLimits) -> None:
    """Limit address space, processor time and the size of temporary files."""
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds + 1, limits.seconds + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = _address_space()
    if size is not None:
        most = size + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int | None:
    """The bytes that the process has mapped; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * _PAGE
    except OSError:
        return None


def _send(batch: list[object]) -> None:
    data = pickle.dumps(batch, pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.write(len(data).to_bytes(8, "little") + data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
