"""Jobs and their files, as they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job is; a closed set."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to it any more."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file of a job, without its bytes.

    Attributes:
        direction: ``in``: uploaded with the request; ``out``: made by the job.
    """

    file_id: int
    job_id: int
    direction: str
    name: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJobFile:
    """A file to store with a job."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLink:
    """A link from a job to what it made: a path of the console, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job did.

    Attributes:
        summary: the answer, as a sentence.
        links: to what was made.
        details: what pages of this kind show; JSON values.
    """

    summary: str
    links: tuple[JobLink, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The result as it is stored."""
        return {
            "summary": self.summary,
            "links": [{"path": link.path, "text": link.text} for link in self.links],
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "JobResult":
        """The result as it was stored."""
        return cls(
            summary=document["summary"],
            links=tuple(JobLink(**link) for link in document["links"]),
            details=document["details"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A job.

    Attributes:
        title: what it does, as a person reads it.
        heartbeat_at: when its runner last showed that it is alive.
        progress: the lines that it wrote, the newest last.
        percent: how much is done, if it knows.
        error: why it failed, was given up or was interrupted.
        dropped_at: since when its files are not to be used any more.
    """

    job_id: int
    kind: str
    title: str
    arguments: Mapping[str, Any]
    heavy: bool
    requested_by: str
    requested_at: datetime
    state: JobState
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    cancelled_by: str | None
    progress: tuple[str, ...]
    percent: int | None
    result: JobResult | None
    error: str | None
    dropped_at: datetime | None
