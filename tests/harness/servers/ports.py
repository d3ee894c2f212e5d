"""Loopback ports for servers that tests start.

A port the kernel picks is free only until it is bound: any outgoing connection may be given it
in between. These come from below the range of outgoing connections, each is handed out once,
and test processes that run side by side draw from slices of their own.
"""

import itertools
import os
import socket

FIRST = 12_000
SLICE = 2_500
SLICES = 8


def _mine() -> int:
    """The slice of this test process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        return 1 + int(worker[2:]) % (SLICES - 1)
    return 0


# A new process begins somewhere else: what an earlier one held may still be letting go.
_turn = itertools.count(os.getpid() * 37)


def free_port() -> int:
    """A loopback port that nobody has and that nobody else here will be given."""
    for turn in itertools.islice(_turn, SLICE):
        port = FIRST + SLICE * _mine() + turn % SLICE
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
