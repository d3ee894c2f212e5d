"""Read backups that ``pg_basebackup`` and an ``archive_command`` write to folders.

A base backup is a folder that has a ``backup_manifest``, which pg_basebackup writes last.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ops.backups.model import BackupSet

#: A segment of the write-ahead log, compressed or not: timeline, log, segment.
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.(?:gz|lz4|zst|bz2|xz))?")
#: What a line of a timeline's history names: a timeline before it, and where that ended.
_ENDED = re.compile(r"(\d+)\s+([0-9A-F]+)/([0-9A-F]+)\s")
#: Segments in one log file number, for segments of 4 GiB divided by their size.
_LOG_BYTES = 1 << 32


def read_folders(
    base: Path, archive: Path, *, segment_bytes: int, last_archived: str | None = None
) -> BackupSet:
    """The backups in two folders.

    Args:
        base: has base backups.
        archive: has the write-ahead log.
        segment_bytes: of a segment.
        last_archived: what PostgreSQL archived last, whose timeline is read; None: the newest.
    """
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
        problems=tuple(
            _gaps(
                _start_of(newest),
                archive,
                {_number(name, segment_bytes) for name in segments},
                int((last_archived or last or "0")[:8], 16),
                segment_bytes,
            )
        ),
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


class _Stretch(NamedTuple):
    """The segments of a timeline that a restore reads, by number; ``last`` is included."""

    timeline: int
    first: int
    last: int


def _gaps(
    start: tuple[int, int] | None,
    archive: Path,
    kept: Set[tuple[int, int]],
    newest: int,
    segment_bytes: int,
) -> Iterator[str]:
    """What a restore from the base backup to the end of the newest timeline lacks."""
    if start is None:
        yield "the manifest of the newest base backup cannot be read"
        return
    timeline, position = start
    first = position // segment_bytes
    if newest <= timeline or _is_unreadable(archive, newest):
        stretches = [_Stretch(timeline, first, max(first, _last(kept, timeline)))]
    else:
        ends = _ends_before(archive, newest)
        if ends is None:
            yield f"the archive lacks {newest:08X}.history"
            return
        if ends.get(timeline, -1) < position:
            yield (
                f"the newest base backup is of timeline {timeline}, from which timeline"
                f" {newest} of the archive does not come: make another one"
            )
            return
        in_segments = {line: at // segment_bytes for line, at in ends.items()}
        whole = _Stretch(timeline, first, _last(kept, newest))
        stretches = _stretches(whole, newest, in_segments)
    for line, begin, end in stretches:
        lacking = (number for number in range(begin, end + 1) if (line, number) not in kept)
        if (number := next(lacking, None)) is not None:
            yield f"the archive lacks the segment {_name(line, number, segment_bytes)}"
            return


def _last(kept: Set[tuple[int, int]], timeline: int) -> int:
    """The last segment of a timeline; -1: there is none."""
    return max((number for line, number in kept if line == timeline), default=-1)


def _stretches(whole: _Stretch, newest: int, ends: Mapping[int, int]) -> list[_Stretch]:
    """What a restore reads of each timeline; the segment where one ends is of the next one."""
    lines = [line for line in sorted(ends) if line >= whole.timeline]
    firsts = [whole.first, *(ends[line] for line in lines)]
    lasts = [*(ends[line] - 1 for line in lines), whole.last]
    return [
        _Stretch(line, first, last)
        for line, first, last in zip([*lines, newest], firsts, lasts, strict=True)
    ]


def _is_unreadable(archive: Path, timeline: int) -> bool:
    """Whether the history of a timeline is there, compressed by a program that we lack."""
    return any(
        (archive / f"{timeline:08X}.history{suffix}").exists()
        for suffix in (".lz4", ".zst", ".bz2", ".xz")
    )


def _ends_before(archive: Path, timeline: int) -> dict[int, int] | None:
    """The timelines before one, each with the byte position of its end; None: not known."""
    plain = archive / f"{timeline:08X}.history"
    packed = plain.with_name(f"{plain.name}.gz")
    try:
        if plain.exists():
            history = plain.read_text()
        else:
            history = gzip.decompress(packed.read_bytes()).decode()
    except (OSError, EOFError, ValueError):
        return None
    return {
        int(line): (int(high, 16) << 32) + int(low, 16)
        for line, high, low in _ENDED.findall(f"{history}\n")
    }


def _number(name: str, segment_bytes: int) -> tuple[int, int]:
    per_log = _LOG_BYTES // segment_bytes
    timeline, log, segment = (int(name[n : n + 8], 16) for n in (0, 8, 16))
    return timeline, log * per_log + segment


def _name(timeline: int, number: int, segment_bytes: int) -> str:
    log, segment = divmod(number, _LOG_BYTES // segment_bytes)
    return f"{timeline:08X}{log:08X}{segment:08X}"
