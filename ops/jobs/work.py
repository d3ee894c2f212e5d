"""What the function of a kind works with, in the child process that runs a job."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine

from ops.engines.servers import Endpoints
from ops.settings.model import Settings
from storage.jobs.kinds import JobArguments
from storage.jobs.model import JobFile, NewJobFile
from storage.jobs.queries import content_of
from storage.jobs.running import report_progress
from storage.transactions import reading, transaction
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction
from vocabulary.people import Actor
from vocabulary.plurals import counted

#: Seconds between two writes of progress; lines in between are written together.
WRITE_EVERY_S = 0.5


class ProgressLog:
    """Writes lines of progress to the job's row, together if they come fast."""

    def __init__(
        self, engine: Engine, number: int, runner: str, *, seconds: Callable[[], float]
    ) -> None:
        self._engine, self._number, self._runner = engine, number, runner
        self._seconds = seconds
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._percent: int | None = None
        self._written_at = float("-inf")

    def __call__(self, line: str, percent: float | None = None) -> None:
        """Add a line.

        Raises:
            Contradiction: the job was marked interrupted; this process must end.
            Unavailable: the database is out of reach.
        """
        with self._lock:
            self._lines.append(line)
            if percent is not None:
                self._percent = min(100, max(0, int(percent)))
            if self._seconds() - self._written_at >= WRITE_EVERY_S:
                self._write()

    def flush(self) -> None:
        """Write what is not written yet. Raises as ``__call__``."""
        with self._lock:
            if self._lines:
                self._write()

    def _write(self) -> None:
        lines, percent = self._lines, self._percent
        with transaction(self._engine, "jobs") as connection:
            report_progress(
                connection, self._number, self._runner, lines=lines, percent=percent
            )
        self._lines = []
        self._written_at = self._seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One job, as the function of its kind sees it.

    Attributes:
        arguments: of the kind's own model.
        endpoints: the database, as the application, and the broker.
        engine: connections whose transactions are in the name of the person.
        actor: the person who requested it.
        files: what was uploaded with the request.
        progress: takes a line, and how many per cent are done.
        made: files to download; ``at_end``: what the transaction does that marks the job done.
    """

    arguments: JobArguments
    settings: Settings
    endpoints: Endpoints
    data_dir: Path
    engine: Engine
    actor: Actor
    clock: Clock
    files: Sequence[JobFile]
    progress: ProgressLog
    made: list[NewJobFile] = field(default_factory=list)
    at_end: list[Callable[[Connection], object]] = field(default_factory=list)

    @property
    def by(self) -> str:
        """The name of the person, for ``by`` arguments."""
        return self.actor.person.name

    def read(self, file: JobFile) -> bytes:
        """The bytes of an uploaded file.

        Raises:
            Contradiction: it was removed meanwhile.
        """
        with reading(self.engine, "jobs") as connection:
            content = content_of(connection, file)
        if content is None:
            raise Contradiction(f"{file.name} was dropped meanwhile")
        return content

    def write(self, name: str, media_type: str, content: bytes) -> None:
        """Let the job have a file to download; it is stored when the job is done."""
        self.made.append(NewJobFile(name=name, media_type=media_type, content=content))


def parts_reported(progress: ProgressLog) -> Callable[[int, int], None]:
    """What a run calls with the number of finished parts and of all parts."""

    def report(done: int, parts: int) -> None:
        progress(f"{done} of {counted(parts, 'part')} compared", 100 * done / max(parts, 1))

    return report


def monotonic_s() -> float:
    """Seconds of the system's monotonic clock."""
    return time.monotonic()
