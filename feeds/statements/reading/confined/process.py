"""Reads a file in a child process with limits of its own, which may die without harm.

Libraries that unpack a damaged or hostile file may take any memory, run for hours or crash. The
child does it: its address space and processor time are limited, and its end is a finding.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import IO, BinaryIO

from feeds.statements.reading.confined.child import NO_MEMORY, ChildJob
from feeds.statements.reading.confined.limits import ReadLimits

#: One arena: memory that a second one only reserves would count.
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
}
_LENGTH_BYTES = 8
#: Longest silence of a child on top of its processor time, in seconds.
_GRACE_S = 30


class ReaderCrashed(Exception):
    """The child ended without a result and not by a limit; the argument says how."""


def run_confined(job: ChildJob, stream: BinaryIO) -> Iterator[object]:
    """The items that the job reads from a file, in order.

    Args:
        job: what the child does.
        stream: the file; a real one.

    Raises:
        LimitExceeded: the child reached a limit.
        ReaderCrashed: it ended in another way.
    """
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    child = _start(job, stream)
    assert child.stdout is not None
    try:
        while batch := _received(child, child.stdout, job.limits):
            yield from batch
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _start(job: ChildJob, stream: BinaryIO) -> "subprocess.Popen[bytes]":
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", ChildJob.__module__, str(reading)],
            stdin=stream.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[reading],
            env={**os.environ, **_ENVIRONMENT},
        )
    finally:
        os.close(reading)
    with os.fdopen(writing, "wb") as pipe, suppress(BrokenPipeError):
        pickle.dump(job, pipe)
    return child


def _received(
    child: "subprocess.Popen[bytes]", pipe: IO[bytes], limits: ReadLimits
) -> list[object]:
    """The next message of the child; an empty list ends it."""
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        if not selector.select(limits.seconds + _GRACE_S):
            raise limits.exceeded("seconds")
    length = pipe.read(_LENGTH_BYTES)
    data = pipe.read(int.from_bytes(length, "little")) if len(length) == _LENGTH_BYTES else b""
    if not data:
        raise _end(child, limits)
    batch: list[object] = pickle.loads(data)  # noqa: S301 - our child wrote it
    return batch


def _end(child: "subprocess.Popen[bytes]", limits: ReadLimits) -> Exception:
    """Why a child ended before its last message."""
    code = child.wait()
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return limits.exceeded("seconds")
    if code in {-signal.SIGABRT, NO_MEMORY}:
        return limits.exceeded("memory_bytes")
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return ReaderCrashed(name)
