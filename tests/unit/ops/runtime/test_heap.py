"""The heap: one arena for all threads of a process that says so."""

import subprocess
import sys

import pytest

#: Prints how many arenas a process has after eight threads have allocated at the same time.
_PROGRAM = """
import ctypes, re, sys, threading
from ops.runtime.heap import share_one_arena

if sys.argv[1] == "one":
    assert share_one_arena()
at_once = threading.Barrier(8)

def allocate():
    at_once.wait()
    blocks = [bytes(10_000) for _ in range(100)]
    at_once.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
output = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, output)
libc.fflush(output)
"""


@pytest.mark.parametrize(("arenas", "is_one"), [("one", True), ("many", False)])
def test_threads_share_one_arena_if_told_to(arenas: str, is_one: bool) -> None:
    command = [sys.executable, "-c", _PROGRAM, arenas]
    report = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout

    assert (report.count(b"<heap nr=") == 1) == is_one
