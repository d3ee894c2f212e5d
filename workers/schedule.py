"""What runs when. A slot is claimed by a unique row, so two schedulers are as good as one."""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from vocabulary.clock import Clock
from vocabulary.errors import Unavailable

_CLAIM = """
INSERT INTO job_runs (job, slot) VALUES (%(job)s, %(slot)s) ON CONFLICT DO NOTHING
"""
_FORGET = """
DELETE FROM job_runs WHERE job = %(job)s AND claimed_at < clock_timestamp() - interval '7 days'
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something done once every interval, whoever is there to do it.

    Attributes:
        once: whether only one scheduler may run a slot; a sweep may run in all of them.
    """

    name: str
    every: timedelta
    run: Callable[[], object]
    once: bool


def slot_of(instant: datetime, every: timedelta) -> str:
    """The interval an instant lies in, counted from the epoch, named by its beginning."""
    length = int(every.total_seconds()) or 1
    return str(int(instant.timestamp()) // length * length)


def claim(engine: Engine, *, job: str, slot: str) -> bool:
    """Whether this scheduler is the one to run the slot.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.begin() as connection:
            claimed = (
                connection.exec_driver_sql(_CLAIM, {"job": job, "slot": slot}).rowcount == 1
            )
            if claimed:
                connection.exec_driver_sql(_FORGET, {"job": job})
            return claimed
    except OperationalError as error:
        raise Unavailable("schedule: the database is out of reach") from error


class Scheduler:
    """Runs jobs on time until told to stop. An outage is logged and waited out."""

    def __init__(self, engine: Engine, clock: Clock, jobs: list[Job]) -> None:
        self._engine = engine
        self._clock = clock
        self._jobs = jobs
        self._due = {job.name: clock.now() for job in jobs}
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop(self) -> None:
        """Make ``run`` return after the job it is in; safe in a signal handler."""
        self._stop.put(None)  # an Event could dead-lock here: setting it takes a lock

    def run(self) -> None:
        """Run whatever is due, then wait for the next, until stopped."""
        wait_s = 0.0
        while not self._is_stopped_within(wait_s):
            self.tick()
            wait = min(self._due.values()) - self._clock.now()
            wait_s = max(wait.total_seconds(), 0.0)

    def tick(self) -> None:
        """Run the jobs that are due now, once."""
        for job in self._jobs:
            now = self._clock.now()
            if self._due[job.name] <= now:
                self._due[job.name] = now + job.every
                self._run(job, slot_of(now, job.every))

    def _is_stopped_within(self, seconds: float) -> bool:
        try:
            self._stop.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def _run(self, job: Job, slot: str) -> None:
        try:
            if not job.once or claim(self._engine, job=job.name, slot=slot):
                job.run()
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
