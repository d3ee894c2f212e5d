"""The sign of progress that a process leaves in a file, for whoever supervises it.

The file holds the monotonic clock, which all processes of a machine share and nobody sets back.
"""

import time
from pathlib import Path


def touch(path: Path) -> None:
    """Say that this process makes progress now; readers never see half a file."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(repr(time.monotonic()), encoding="ascii")
    draft.replace(path)


def age_s(path: Path) -> float | None:
    """Seconds since the last sign, or None where there never was one."""
    try:
        return max(time.monotonic() - float(path.read_text(encoding="ascii")), 0.0)
    except (FileNotFoundError, ValueError):
        return None
