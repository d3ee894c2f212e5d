"""The pulse of a worker process: obey pauses, and show progress as long as there is some.

Progress is shown twice: in a file, for the supervisor beside it, which must not need a
database; and in Postgres, for operators anywhere.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from dramatiq import Broker, Middleware
from dramatiq.worker import Worker as DramatiqWorker
from sqlalchemy import Engine

from storage.queue.heartbeats import Worker, beat, leave
from vocabulary.errors import Unavailable
from workers import heartbeat_file
from workers.queue_pause import QueuePause

#: Distance between two looks at the pauses, in seconds: an order is obeyed within a second.
LOOK_EVERY_S = 0.3
#: Looks between two heartbeats in Postgres.
LOOKS_PER_BEAT = 7
#: Longest wait for a thread that hangs in the database, in seconds.
LEAVE_WAIT_S = 2.0

log = structlog.get_logger()


class Heartbeat(Middleware):
    """Beats in a thread of its own from the worker's boot to its shutdown.

    Args:
        engine: where heartbeats stand.
        worker: who this process is.
        gate: told to look at the pauses.
        stuck: what hangs, in words, or None.
        path: the file that shows progress, or None.
    """

    def __init__(
        self,
        engine: Engine,
        worker: Worker,
        gate: QueuePause,
        stuck: Callable[[], str | None],
        path: Path | None,
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._gate = gate
        self._stuck = stuck
        self._path = path
        self._stop = threading.Event()
        # Apart: a database that hangs must not look like a worker that hangs.
        self._threads = [
            threading.Thread(target=work, name=work.__name__, daemon=True)
            for work in (self._show, self._look_on)
        ]
        self._was_down = False
        self._was_unshown = False

    def before_worker_boot(self, _broker: Broker, _worker: DramatiqWorker) -> None:
        """Know the pauses before the first message is taken."""
        self._look(beats=True)
        for thread in self._threads:
            thread.start()

    def after_worker_shutdown(self, _broker: Broker, _worker: DramatiqWorker) -> None:
        """Take an orderly leave."""
        self._stop.set()
        for thread in self._threads:
            thread.join(LEAVE_WAIT_S)
        try:
            leave(self._engine, self._worker)
        except Unavailable as error:
            log.info("pulse_unavailable", why=str(error))

    def _show(self) -> None:
        told: str | None = None
        while not self._stop.wait(LOOK_EVERY_S):
            hangs = self._stuck()
            if hangs is None and self._path is not None:
                self._touch(self._path)
            if hangs is not None and hangs != told:
                log.error("worker_hangs", what=hangs)
            told = hangs

    def _touch(self, path: Path) -> None:
        """A full disk must not end the pulse: it would, a minute later, end the worker."""
        try:
            heartbeat_file.touch(path)
        except OSError as error:
            if not self._was_unshown:
                log.warning("pulse_not_shown", error=type(error).__name__)
            self._was_unshown = True
        else:
            self._was_unshown = False

    def _look_on(self) -> None:
        looks = 0
        while not self._stop.wait(LOOK_EVERY_S):
            looks += 1
            self._look(beats=looks % LOOKS_PER_BEAT == 0 and self._stuck() is None)

    def _look(self, *, beats: bool) -> None:
        """An outage is waited out: what was known before it still holds."""
        try:
            self._gate.refresh()
            if beats:
                beat(self._engine, self._worker)
        except Unavailable as error:
            if not self._was_down:
                log.warning("pulse_unavailable", why=str(error))
            self._was_down = True
        else:
            self._was_down = False
