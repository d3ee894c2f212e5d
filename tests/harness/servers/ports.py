"""Loopback ports for servers that tests start.

A port that the kernel picks may be taken by any outgoing connection before it is bound. These
come from below the range of outgoing connections, each is handed out once, and parallel test
processes use separate slices.
"""

import itertools
import os
import socket

FIRST = 12_000
SLICE = 2_500
SLICES = 8


def _slice_number() -> int:
    """The slice of this test process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        return 1 + int(worker[2:]) % (SLICES - 1)
    return 0


# Each process starts at another port, because earlier ones may still be closing theirs.
_counter = itertools.count(os.getpid() * 37)


def free_port() -> int:
    """A free loopback port that no other caller receives."""
    for offset in itertools.islice(_counter, SLICE):
        port = FIRST + SLICE * _slice_number() + offset % SLICE
        if _is_free(port):
            return port
    raise AssertionError("no port is free")


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
