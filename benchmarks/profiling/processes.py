"""Processor time of the processes that take part in a callback, from ``/proc``."""

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

_SWITCHES = re.compile(r"voluntary_ctxt_switches:\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Usage:
    """How long processes ran on a processor and waited for one, and how often they paused.

    Attributes:
        paused: how often one waited of its own accord, such as for a message.
        preempted: how often one was interrupted in the middle of its work.
    """

    ran_s: float = 0.0
    waited_s: float = 0.0
    paused: int = 0
    preempted: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def running_share(self) -> float:
        """Of the time between beginning and ending work, the part in which they ran.

        Every wait for a processor is taken to be as long as the others, and those after a pause
        come before the work begins.
        """
        switches = self.paused + self.preempted
        interrupted_s = self.waited_s * self.preempted / switches if switches else 0.0
        return self.ran_s / (self.ran_s + interrupted_s) if self.ran_s else 1.0


def family(pid: int) -> list[int]:
    """The process and all below it."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for process, parent in _parents():
        children[parent].append(process)
    pids = [pid]
    for process in pids:
        pids += children[process]
    return pids


def usage_of(pid: int) -> Usage:
    """What the threads of one process used so far; nothing, if it ended."""
    total = Usage()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            ran, waited, _ = (task / "schedstat").read_text().split()
            status = (task / "status").read_text()
            switches = [int(count) for count in _SWITCHES.findall(status)]
            total += Usage(int(ran) / 1e9, int(waited) / 1e9, *switches)
    return total


def server_usage(postmaster: int) -> Mapping[str, Usage]:
    """What PostgreSQL's processes used so far, by role for backends, by name for the others."""
    used: defaultdict[str, Usage] = defaultdict(Usage)
    for pid in family(postmaster):
        used[_title(pid)] += usage_of(pid)
    return used


def since(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, Usage]:
    """What was used between two readings."""
    return {name: used - before.get(name, Usage()) for name, used in after.items()}


def _title(pid: int) -> str:
    """``tieout_app`` for "postgres: tieout_app tieout [local] idle"; ``checkpointer``."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "ended"
    name, _, rest = title.partition(": ")
    if not name.startswith("postgres") or not rest:
        return "postmaster"
    words = rest.split()
    return words[0] if "[local]" in words else " ".join(words[:2]).rstrip("0123456789 ")


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                yield int(entry.name), int(fields[1])
