"""What the parts of one run came to, on disk until the run stands: how a run is resumed.

A folder holds ``job.json``, which says what was asked, and one parcel for each part that ended.
A parcel appears complete or not at all, and one that is not whole is as good as none. A job
that asks anything else starts anew.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconcile.matching.compare import PartResult
from reconcile.partitions.codec import CorruptPart, checked, pack, signed, unpack

_JOB = "job.json"


class Checkpoint:
    """The folder of one provider and window.

    Args:
        folder: made when the first parcel comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def job(self) -> dict[str, Any] | None:
        """What an interrupted run was asked; None where there was none."""
        try:
            told = json.loads((self.folder / _JOB).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def begin(self, job: Mapping[str, Any]) -> None:
        """Forget whatever is here, and note what is asked from now on."""
        self.clear()
        self.folder.mkdir(parents=True)
        self._write(_JOB, json.dumps(dict(job), indent=2).encode())

    def keep(self, step: str, number: int, parcel: bytes) -> None:
        """Keep what a part came to, and apart from it what it hands on to each group.

        Raises:
            ParcelBroken: the parcel did not arrive whole.
        """
        opened = unpack(parcel)
        for group, left in enumerate(opened.groups):
            self._write(_name(f"left-{group:06}", number), signed(left))
        self._write(_name(step, number), pack(opened.part, ()))  # last: now it is whole

    def drop(self, step: str, number: int) -> None:
        """Forget what a part came to, if it ended."""
        (self.folder / _name(step, number)).unlink(missing_ok=True)

    def part(self, step: str, number: int) -> PartResult | None:
        """What a part came to; None where it did not end, or is not whole."""
        try:
            return unpack((self.folder / _name(step, number)).read_bytes()).part
        except (FileNotFoundError, CorruptPart):
            return None

    def left(self, group: int, parts: int) -> tuple[bytes, ...]:
        """What all ``parts`` handed on to a group.

        Raises:
            ParcelBroken: something of it is not whole.
        """
        names = [_name(f"left-{group:06}", number) for number in range(parts)]
        return tuple(checked((self.folder / name).read_bytes()) for name in names)

    def clear(self) -> None:
        """Forget everything: the run stands, or another begins."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def _name(step: str, number: int) -> str:
    return f"{step}-{number:06}.part"
