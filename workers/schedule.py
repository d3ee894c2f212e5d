"""What runs when. A slot is claimed by a lease, so two schedulers are as good as one."""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from storage.parking import park, place_of
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction, Unavailable
from workers.leases import Leases

#: How long a claim holds without being renewed.
LEASE = timedelta(seconds=60)
#: Longest time between two looks for slots that were left behind.
LOOK_BACK = timedelta(seconds=5)
#: Attempts at one slot before it is parked.
ATTEMPTS_MAX = 5

log = structlog.get_logger()


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something done once every interval, whoever is there to do it.

    Attributes:
        run: does it for the slot that it is given; idempotent, for a scheduler that is thought
            dead may still be at it.
        once: whether only one scheduler may run a slot; a sweep may run in all of them.
    """

    name: str
    every: timedelta
    run: Callable[[str], object]
    once: bool


def slot_of(instant: datetime, every: timedelta) -> str:
    """The interval an instant lies in, counted from the epoch, named by its beginning."""
    length = int(every.total_seconds()) or 1
    return str(int(instant.timestamp()) // length * length)


class Scheduler:
    """Runs jobs on time until told to stop. An outage is logged and waited out.

    Args:
        engine: where slots are claimed.
        clock: says what is due.
        jobs: what to run.
        lease: how long a claim holds without being renewed.
        on_turn: called before every look at what is due, and while a claimed job takes long.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        jobs: list[Job],
        *,
        lease: timedelta = LEASE,
        on_turn: Callable[[], None] = _nothing,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._jobs = jobs
        self._leases = Leases(engine, owner=uuid.uuid4().hex, length=lease)
        self._due = {job.name: clock.now() for job in jobs}
        self._look_back_at = clock.now()
        self._on_turn = on_turn
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop(self) -> None:
        """Make ``run`` return after the job it is in; safe in a signal handler."""
        self._stop.put(None)  # an Event could dead-lock here: setting it takes a lock

    def run(self) -> None:
        """Run whatever is due, then wait for the next, until stopped."""
        wait_s = 0.0
        while not self._is_stopped_within(wait_s):
            self._on_turn()
            self.tick()
            wait = min([*self._due.values(), self._look_back_at]) - self._clock.now()
            wait_s = max(wait.total_seconds(), 0.0)

    def tick(self) -> None:
        """Run the jobs that are due now, once, and whatever others left behind."""
        for job in self._jobs:
            now = self._clock.now()
            if self._due[job.name] <= now:
                self._due[job.name] = now + job.every
                self._guarded(job, slot_of(now, job.every))
        if self._look_back_at <= self._clock.now():
            self._look_back_at = self._clock.now() + min(self._leases.length / 4, LOOK_BACK)
            self._look_back()

    def _is_stopped_within(self, seconds: float) -> bool:
        try:
            self._stop.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def _look_back(self) -> None:
        """Take over what a scheduler claimed and did not complete, because it died."""
        for job in self._jobs:
            if not job.once:
                continue
            try:
                slots = self._leases.left_behind(job.name)
            except Unavailable as error:
                log.warning("job_unavailable", job=job.name, why=str(error))
                return
            for slot in slots:
                self._guarded(job, slot)

    def _guarded(self, job: Job, slot: str) -> None:
        try:
            if job.once:
                self._run_once(job, slot)
            else:
                job.run(slot)
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
        except Exception as error:  # noqa: BLE001 - the edge of the process: other jobs go on
            log.critical("job_broken", job=job.name, slot=slot, **_told(error))

    def _run_once(self, job: Job, slot: str) -> None:
        attempt = self._leases.claim(job.name, slot)
        if attempt is None:
            return
        if attempt > ATTEMPTS_MAX:
            self._park(job, slot, Contradiction(f"not done in {ATTEMPTS_MAX} attempts"))
            return
        log.info("job_claimed", job=job.name, slot=slot, attempt=attempt)
        try:
            with self._held(job, slot):
                job.run(slot)
        except Unavailable:
            self._leases.release(job.name, slot)
            raise
        self._leases.complete(job.name, slot)
        log.info("job_done", job=job.name, slot=slot)

    @contextmanager
    def _held(self, job: Job, slot: str) -> Iterator[None]:
        """Renew the lease for as long as the job takes."""
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(job.name, slot, ended))
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()

    def _renew(self, job: str, slot: str, ended: threading.Event) -> None:
        while not ended.wait(self._leases.length.total_seconds() / 3):
            self._on_turn()  # a job takes its time: whoever holds a lease makes progress
            try:
                self._leases.renew(job, slot)
            except Unavailable as error:
                log.warning("lease_not_renewed", job=job, slot=slot, why=str(error))

    def _park(self, job: Job, slot: str, error: Exception) -> None:
        """Leave a slot to a person: it is done with, until somebody asks for it again."""
        try:
            with self._engine.begin() as connection:
                park(connection, job=job.name, subject=f"slot {slot}", error=error)
        except OperationalError as down:
            raise Unavailable("schedule: the database is out of reach") from down
        self._leases.complete(job.name, slot)


def _told(error: Exception) -> dict[str, str]:
    """An error's kind and place; its words may quote what must not be told."""
    return {"error": type(error).__name__, "at": place_of(error)}
