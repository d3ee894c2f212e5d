"""Finished parts of a run, kept on disk until the run is stored, so that it can be resumed.

A folder holds ``job.json``, which describes the request, and one file for each finished part. A
file appears complete or not at all, and a damaged file counts as missing. A run of any other
request clears the folder first.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconcile.matching.comparison import Comparison
from reconcile.partitions.codec import (
    CorruptPart,
    add_digest,
    decode_part,
    encode_part,
    verify_digest,
)
from reconcile.partitions.watermark import Watermark

_JOB = "job.json"


class Checkpoint:
    """The folder of one provider and window.

    Attributes:
        folder: created by ``begin``.
        job: describes the request, as ``job.json`` stores it.
        resumed: the watermark of the interrupted run whose parts the folder holds; None: there
            is none.
    """

    def __init__(
        self, folder: Path, job: Mapping[str, Any], *, resumed: Watermark | None = None
    ) -> None:
        self.folder = folder
        self.job = job
        self.resumed = resumed

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Clear the folder and store the description of the request and its plan."""
        self.clear()
        self.folder.mkdir(parents=True)
        self._write(_JOB, json.dumps({**self.job, **plan}, indent=2).encode())

    def save_part(self, step: str, number: int, encoded: bytes) -> None:
        """Store the result of a part, and separately the rows it hands on to each group.

        Raises:
            CorruptPart: the bytes are not complete.
        """
        part, groups = decode_part(encoded)
        for group, rows in enumerate(groups):
            self._write(_group_name(group, number), add_digest(rows))
        # The part itself comes last: with it the part counts as finished.
        self._write(_part_name(step, number), encode_part(part, ()))

    def drop_part(self, step: str, number: int) -> None:
        """Remove the result of a part, if there is one."""
        (self.folder / _part_name(step, number)).unlink(missing_ok=True)

    def load_part(self, step: str, number: int) -> Comparison | None:
        """Return the result of a part; None if it is missing or damaged."""
        try:
            part, _ = decode_part((self.folder / _part_name(step, number)).read_bytes())
        except (FileNotFoundError, CorruptPart):
            return None
        return part

    def load_group(self, group: int, parts: int) -> tuple[bytes, ...]:
        """Return the encoded rows that each of ``parts`` ranges handed on to a group.

        Raises:
            CorruptPart: one of the files is damaged.
        """
        paths = [self.folder / _group_name(group, number) for number in range(parts)]
        return tuple(verify_digest(path.read_bytes()) for path in paths)

    def clear(self) -> None:
        """Remove the folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        new_path = path.with_suffix(".new")
        with new_path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new_path.replace(path)


def read_job(folder: Path) -> dict[str, Any] | None:
    """Return the description of the interrupted run in a folder; None if there is none."""
    try:
        job = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return job if isinstance(job, dict) else None


def _part_name(step: str, number: int) -> str:
    return f"{step}-{number:06}.part"


def _group_name(group: int, number: int) -> str:
    return _part_name(f"left-{group:06}", number)
