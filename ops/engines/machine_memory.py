"""How much memory the processes of this machine, or of the container around us, may use."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)


def memory_bytes(root: Path = Path("/")) -> int:
    """The memory of the machine, or the smallest limit of a control group that we are in.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    total = _TOTAL.search((root / "proc/meminfo").read_text())
    assert total is not None, "Linux says how much memory there is"
    return min([int(total[1]) * 1024, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """The limits of our control groups, of both versions, and of the groups above."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield from _limits_above(root / "sys/fs/cgroup", group, "memory.max")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            yield from _limits_above(top, group, "memory.limit_in_bytes")


def _limits_above(top: Path, group: str, name: str) -> Iterator[int]:
    # In a container the group may have its name on the host, where only its own is seen.
    below = PurePosixPath(group.lstrip("/"))
    for folder in (top / below, *(top / parent for parent in below.parents), top):
        try:
            limit = (folder / name).read_text().strip()
        except OSError:
            continue
        if limit.isdecimal():  # else "max"
            yield int(limit)
