"""Which functions of a process run, from a profiler that samples it from outside."""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

#: Samples a second: enough for shares of a per cent in ten seconds, and little to pay.
RATE = 200
#: What the profiler needs to start and to end, in seconds.
MARGIN_S = 15.0
#: Functions that are shown; the others are summed up.
SHOWN = 25

#: Where a thread of a pool waits for work; the profiler takes that for running.
_WAITING = "futures/thread.py _worker"

T = TypeVar("T")


def sampled(pid: int, seconds: float, run: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Run something while a process is sampled: its result, and each function's own share."""
    profiler = str(Path(sys.executable).parent / "py-spy")
    with tempfile.NamedTemporaryFile(suffix=".stacks") as stacks:
        command = [profiler, "record", "--format", "raw", "--rate", str(RATE)]
        target = ["--pid", str(pid), "--duration", str(max(1, int(seconds)))]
        with subprocess.Popen(
            [*command, *target, "--output", stacks.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            result = run()
            if process.wait(timeout=seconds + MARGIN_S):
                raise SystemExit("py-spy could not read the process: may it be traced?")
        return result, shares_of(Path(stacks.name).read_text())


def shares_of(stacks: str) -> dict[str, float]:
    """Each function's share of the samples in which it was the one that ran.

    Args:
        stacks: lines such as ``main (a.py:3);run (b.py:7) 12``.
    """
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, number = line.rpartition(" ")
        counts[_function(stack.rpartition(";")[2])] += int(number)
    del counts[_WAITING]
    total = counts.total() or 1
    return {name: number / total for name, number in counts.most_common()}


def _function(frame: str) -> str:
    """``webhooks/handler.py answer`` for ``answer (webhooks/handler.py:12)``."""
    name, _, place = frame.rpartition(" (")
    path = place.rpartition(":")[0]
    return f"{'/'.join(path.split('/')[-2:])} {name}" if path else frame
