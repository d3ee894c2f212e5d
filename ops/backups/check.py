"""Check backups: is there a base backup, a whole archive, and are both young enough?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from ops.backups.archiver import read_archiver
from ops.backups.folders import read_folders
from ops.backups.model import ArchiverState, BackupSet
from ops.backups.programs import ask_barman, ask_pgbackrest
from ops.settings.sections.backup import BackupSettings
from vocabulary.clock import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """How old backups are, and what is wrong; the names are JSON keys.

    Attributes:
        base_age_s, archive_age_s: since the last base backup was complete, and since a segment
            was archived; None: there is none.
        findings: why a restore would fail or lose too much, in sentences.
    """

    kind: str
    last_base: str | None
    base_age_s: float | None
    last_segment: str | None
    archive_age_s: float | None
    findings: tuple[str, ...]


def check_backups(
    connection: Connection, settings: BackupSettings, *, now: datetime
) -> BackupReport:
    """Check the backups of the database.

    Raises:
        Unavailable: pgBackRest or barman gives no answer.
    """
    archiver = read_archiver(connection)
    backups = _backups(settings, archiver)
    return BackupReport(
        kind=settings.kind,
        last_base=backups.last_base,
        base_age_s=_age_s(backups.base_at, now),
        last_segment=archiver.last_segment,
        archive_age_s=_age_s(archiver.archived_at, now),
        findings=tuple(findings(backups, archiver, settings, now=now)),
    )


def findings(
    backups: BackupSet, archiver: ArchiverState, settings: BackupSettings, *, now: datetime
) -> Iterator[str]:
    """Why a restore would fail or lose too much."""
    if settings.kind == "none":
        yield "no backups are configured: set backup.kind, see docs/backup.md"
        return
    yield from backups.problems
    if backups.base_at is None:
        yield "there is no base backup"
    elif now - backups.base_at > settings.base_max_age:
        age = _words(now - backups.base_at)
        yield f"the newest base backup, {backups.last_base}, is {age} old"
    yield from _archive_findings(backups, archiver, settings, now=now)


def _archive_findings(
    backups: BackupSet, archiver: ArchiverState, settings: BackupSettings, *, now: datetime
) -> Iterator[str]:
    if archiver.mode == "off" and settings.kind != "barman":
        yield "archive_mode is off: what is written after a base backup cannot be restored"
        return
    if archiver.is_failing and archiver.failed_at is not None:
        yield (
            f"archiving fails: segment {archiver.failed_segment}, last tried at"
            f" {iso(archiver.failed_at)}; PostgreSQL's log says why"
        )
    if archiver.mode == "off":
        return  # barman may receive the log as a replica does
    if archiver.archived_at is None:
        yield "no segment of the write-ahead log was ever archived"
    elif now - archiver.archived_at > settings.archive_max_age:
        age = _words(now - archiver.archived_at)
        yield f"the last segment was archived {age} ago; is archive_timeout set?"
    archived, last = backups.last_segment, archiver.last_segment
    # Just after a restore, the history of a timeline is the last that was archived.
    is_segment = last is not None and "." not in last[:24]
    if archived is not None and last is not None and is_segment and archived < last[:24]:
        yield f"the archive ends with {archived}, PostgreSQL archived {last}"


def _backups(settings: BackupSettings, archiver: ArchiverState) -> BackupSet:
    match settings.kind:
        case "directory":
            folders = Path(settings.base), Path(settings.archive)
            return read_folders(
                *folders,
                segment_bytes=archiver.segment_bytes,
                last_archived=archiver.last_segment,
            )
        case "pgbackrest":
            return ask_pgbackrest(settings.command, settings.server)
        case "barman":
            return ask_barman(settings.command, settings.server)
        case _:
            return BackupSet(last_base=None, base_at=None)


def _age_s(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
