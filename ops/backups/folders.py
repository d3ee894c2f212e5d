"""Read backups that ``pg_basebackup`` and an ``archive_command`` write to folders.

A base backup is a folder that has a ``backup_manifest``, which pg_basebackup writes last.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from ops.backups.model import BackupSet

#: A segment of the write-ahead log, compressed or not: timeline, log, segment.
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.(?:gz|lz4|zst|bz2|xz))?")
#: Segments in one log file number, for segments of 4 GiB divided by their size.
_LOG_BYTES = 1 << 32


def read_folders(base: Path, archive: Path, *, segment_bytes: int) -> BackupSet:
    """The backups in two folders."""
    problems = [f"{folder} is no folder" for folder in (base, archive) if not folder.is_dir()]
    if problems:
        return BackupSet(last_base=None, base_at=None, problems=tuple(problems))
    newest = max(_manifests(base), key=lambda path: path.stat().st_mtime, default=None)
    segments = sorted(_segments(archive))
    last = segments[-1] if segments else None
    if newest is None:
        return BackupSet(last_base=None, base_at=None, last_segment=last)
    return BackupSet(
        last_base=newest.parent.name,
        base_at=datetime.fromtimestamp(newest.stat().st_mtime, tz=UTC),
        last_segment=last,
        problems=tuple(_gaps(_start_of(newest), segments, segment_bytes)),
    )


def _manifests(base: Path) -> Iterator[Path]:
    return (
        path for folder in (base, *base.iterdir()) for path in folder.glob("backup_manifest")
    )


def _segments(archive: Path) -> Iterator[str]:
    for path in archive.iterdir():
        if _SEGMENT.fullmatch(path.name):
            yield path.name[:24]


def _start_of(manifest: Path) -> tuple[int, int] | None:
    """Timeline and byte position at which a base backup's write-ahead log begins."""
    try:
        ranges = json.loads(manifest.read_text())["WAL-Ranges"]
        first = ranges[0]
        high, _, low = first["Start-LSN"].partition("/")
        return int(first["Timeline"]), (int(high, 16) << 32) + int(low, 16)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _gaps(
    start: tuple[int, int] | None, segments: list[str], segment_bytes: int
) -> Iterator[str]:
    """Segments that a restore from the base backup to the end of the archive lacks."""
    if start is None:
        yield "the manifest of the newest base backup cannot be read"
        return
    timeline, position = start
    first = position // segment_bytes
    numbers = sorted(
        number
        for name in segments
        for line, number in [_number(name, segment_bytes)]
        if line == timeline and number >= first
    )
    if not numbers or numbers[0] != first:
        yield f"the archive lacks the segment {_name(timeline, first, segment_bytes)}"
        return
    for before, after in pairwise(numbers):
        if after != before + 1:
            yield f"the archive lacks the segment {_name(timeline, before + 1, segment_bytes)}"
            return


def _number(name: str, segment_bytes: int) -> tuple[int, int]:
    per_log = _LOG_BYTES // segment_bytes
    timeline, log, segment = (int(name[n : n + 8], 16) for n in (0, 8, 16))
    return timeline, log * per_log + segment


def _name(timeline: int, number: int, segment_bytes: int) -> str:
    log, segment = divmod(number, _LOG_BYTES // segment_bytes)
    return f"{timeline:08X}{log:08X}{segment:08X}"
