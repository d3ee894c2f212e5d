"""What is known of backups, whoever makes them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSet:
    """The backups of one database, as the program that makes them keeps them.

    Attributes:
        last_base: its name; None: there is none.
        base_at: when it was complete.
        last_segment: the newest segment of the write-ahead log that is kept; None: unknown.
        problems: what else is wrong, in sentences.
    """

    last_base: str | None
    base_at: datetime | None
    last_segment: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiverState:
    """What PostgreSQL says about archiving its write-ahead log.

    Attributes:
        mode: its setting ``archive_mode``.
        segment_bytes: size of a segment.
        last_segment, archived_at: the last segment that was archived, and when.
        failed_segment, failed_at: the last one that was not; may have been archived since.
    """

    mode: str
    segment_bytes: int
    last_segment: str | None
    archived_at: datetime | None
    failed_segment: str | None
    failed_at: datetime | None

    @property
    def is_failing(self) -> bool:
        """Whether nothing was archived since the last failure."""
        if self.failed_at is None:
            return False
        return self.archived_at is None or self.failed_at > self.archived_at
