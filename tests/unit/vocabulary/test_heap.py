"""The heap: one arena for all threads of a process that says so, and free memory goes back."""

import subprocess
import sys

import pytest

#: Prints how many arenas a process has after eight threads have allocated at the same time.
_PROGRAM = """
import ctypes, re, sys, threading
from vocabulary.heap import share_one_arena

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


#: Prints how much memory a process has while the last of many blocks is in use, and when the
#: free ones were given back, in KiB.
_FREED = """
from vocabulary.heap import return_free_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4

blocks = [bytes(100_000) for _ in range(1_000)]
last = blocks[-1]
del blocks
before = resident()
assert return_free_memory()
print(before, resident())
"""


def test_free_memory_below_a_block_in_use_goes_back() -> None:
    command = [sys.executable, "-c", _FREED]
    printed = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    before, after = map(int, printed.split())

    assert before - after > 50_000
