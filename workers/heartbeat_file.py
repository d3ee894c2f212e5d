"""The heartbeat file, through which a process shows its progress to its supervisor.

It holds the monotonic clock, which all processes of a machine share and which never goes back.
"""

import time
from pathlib import Path


def touch(path: Path) -> None:
    """Record progress now; readers never see a partial file."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(repr(time.monotonic()), encoding="ascii")
    draft.replace(path)


def age_s(path: Path) -> float | None:
    """Seconds since the last heartbeat, or None without one."""
    try:
        return max(time.monotonic() - float(path.read_text(encoding="ascii")), 0.0)
    except (FileNotFoundError, ValueError):
        return None
