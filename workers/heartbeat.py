"""The heartbeat of a worker process: apply queue pauses and show progress.

Progress is shown twice: in a file for the supervisor, which must work without the database,
and in PostgreSQL for operators on any machine.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from dramatiq import Broker, Middleware
from dramatiq.worker import Worker as DramatiqWorker
from sqlalchemy import Engine

from storage.queue.liveness import ProcessIdentity, beat, register, remove_heartbeat
from storage.queue.parking import place_of
from vocabulary.errors import Unavailable
from workers import heartbeat_file
from workers.queue_pause import QueuePause

#: Time between two reads of the pauses, in seconds; an order takes effect within a second.
REFRESH_EVERY_S = 0.3
#: Reads of the pauses per heartbeat in PostgreSQL.
REFRESHES_PER_BEAT = 7
#: Longest wait at shutdown for a thread that hangs in the database, in seconds.
JOIN_TIMEOUT_S = 2.0

log = structlog.get_logger()


class Heartbeat(Middleware):
    """Shows progress from two threads, from the worker's boot to its shutdown.

    Args:
        engine: the database with the heartbeats.
        worker: this process.
        queue_pause: reads and applies the pauses.
        hang_reason: what hangs, in words, or None.
        path: the heartbeat file, or None.
        on_progress: called several times a second while nothing hangs.
    """

    def __init__(
        self,
        engine: Engine,
        worker: ProcessIdentity,
        queue_pause: QueuePause,
        hang_reason: Callable[[], str | None],
        *,
        path: Path | None,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._queue_pause = queue_pause
        self._hang_reason = hang_reason
        self._path = path
        self._on_progress = on_progress
        self._stop = threading.Event()
        # Separate threads: a database that hangs must not look like a worker that hangs.
        self._threads = [
            threading.Thread(target=work, name=work.__name__, daemon=True)
            for work in (self._touch_regularly, self._beat_regularly)
        ]
        self._was_unavailable = False
        self._was_untouchable = False

    def before_worker_boot(self, _broker: Broker, _worker: DramatiqWorker) -> None:
        """Read the pauses before the first message is taken, and sign on in the database."""
        self._refresh(register)
        for thread in self._threads:
            thread.start()

    def after_worker_shutdown(self, _broker: Broker, _worker: DramatiqWorker) -> None:
        """Stop the threads and sign off in the database."""
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_TIMEOUT_S)
        try:
            remove_heartbeat(self._engine, self._worker)
        except Unavailable as error:
            log.info("heartbeat_unavailable", why=str(error))

    def _touch_regularly(self) -> None:
        logged: str | None = None
        while not self._stop.wait(REFRESH_EVERY_S):
            reason = self._hang_reason()
            if reason is None:
                self._show_progress()
            if reason is not None and reason != logged:
                log.error("worker_hangs", what=reason)
            logged = reason

    def _show_progress(self) -> None:
        if self._path is not None:
            self._touch(self._path)
        self._on_progress()

    def _touch(self, path: Path) -> None:
        """Touch the file; a full disk must not end this thread, or the worker gets killed."""
        try:
            heartbeat_file.touch(path)
        except OSError as error:
            if not self._was_untouchable:
                log.warning("heartbeat_not_shown", error=type(error).__name__)
            self._was_untouchable = True
        else:
            self._was_untouchable = False

    def _beat_regularly(self) -> None:
        refreshes = 0
        while not self._stop.wait(REFRESH_EVERY_S):
            refreshes += 1
            is_due = refreshes % REFRESHES_PER_BEAT == 0 and self._hang_reason() is None
            self._refresh(beat if is_due else None)

    def _refresh(self, show: Callable[[Engine, ProcessIdentity], None] | None) -> None:
        """Refresh the pauses; during an outage the last known ones stay in force."""
        try:
            self._queue_pause.refresh()
            if show is not None:
                show(self._engine, self._worker)
        except Unavailable as error:
            self._note_failure(log.warning, str(error))
        except Exception as error:  # noqa: BLE001 - pauses must go on taking effect
            self._note_failure(log.critical, f"{type(error).__name__} at {place_of(error)}")
        else:
            self._was_unavailable = False

    def _note_failure(self, write: Callable[..., object], why: str) -> None:
        """Log the first of several failures in a row."""
        if not self._was_unavailable:
            write("heartbeat_unavailable", why=why)
        self._was_unavailable = True
