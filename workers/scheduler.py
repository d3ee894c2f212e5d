"""Runs jobs at their intervals. Several schedulers may run: leases share the work.

An exclusive job runs in one scheduler at a time. It may be slow or wait for another server, so
each has its own thread: none delays the others, the sweep or the heartbeat. It can also be
called between its intervals; the slot is then what it is called for.
"""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from storage.queue.parking import park, place_of
from storage.transactions import transaction
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction, TieoutError, Unavailable
from workers.leases import Leases

#: How long a claim is valid without renewal.
LEASE = timedelta(seconds=60)
#: Longest time between two searches for expired slots.
TAKEOVER_EVERY = timedelta(seconds=5)
#: Longest time between two turns of the main loop, which show that it is alive.
TURN_S = 5.0
#: Attempts at one slot before it is parked.
ATTEMPTS_MAX = 5

log = structlog.get_logger()


def _nothing() -> None:
    return None


class JobFailed(TieoutError):
    """A job failed for another reason than a database outage; the attempt counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is done once per interval.

    Attributes:
        run: does the work of the given slot. Idempotent: a scheduler that counts as dead may
            still be running it.
        exclusive: whether only one scheduler may run a slot; a sweep may run in all of them.
    """

    name: str
    every: timedelta
    run: Callable[[str], object]
    exclusive: bool


def slot_of(instant: datetime, every: timedelta) -> str:
    """The interval that contains an instant, counted from the epoch and named by its start."""
    length = int(every.total_seconds()) or 1
    return str(int(instant.timestamp()) // length * length)


class _Timetable:
    """When each job is due, and when to search for expired slots."""

    def __init__(self, jobs: Sequence[Job], clock: Clock, takeover_every: timedelta) -> None:
        now = clock.now()
        self._clock = clock
        self._takeover_every = takeover_every
        self._jobs = jobs
        self._due = {job.name: now for job in jobs}
        self._takeover_at = now

    def due(self) -> Iterator[tuple[Job, str]]:
        """Yield each job that is due with its slot, and schedule its next run."""
        for job in self._jobs:
            now = self._clock.now()
            if _has_come(self._due[job.name], job.every, now):
                self._due[job.name] = now + job.every
                yield job, slot_of(now, job.every)

    def takeover_due(self) -> Iterator[Job]:
        """Yield the jobs whose expired slots must be searched for now."""
        now = self._clock.now()
        if _has_come(self._takeover_at, self._takeover_every, now):
            self._takeover_at = now + self._takeover_every
            yield from (job for job in self._jobs if job.exclusive)

    def wait_s(self) -> float:
        """Seconds until something is due, at most ``TURN_S``."""
        wait = min([*self._due.values(), self._takeover_at]) - self._clock.now()
        return min(max(wait.total_seconds(), 0.0), TURN_S)


def _has_come(due: datetime, every: timedelta, now: datetime) -> bool:
    """Whether an instant has come; also one beyond an interval: the clock was set back."""
    return not now < due <= now + every


class _Calls:
    """The slots that a job is called for; None only wakes its thread."""

    def __init__(self) -> None:
        self._slots: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def put(self, slot: str | None) -> None:
        self._slots.put(slot)

    def newest_within(self, seconds: float) -> str | None:
        """The newest slot; None if there is no call within that time."""
        try:
            slot = self._slots.get(timeout=seconds)
            while not self._slots.empty():
                slot = self._slots.get_nowait()
        except queue.Empty:
            return None
        return slot


class Scheduler:
    """Runs jobs at their intervals until stopped. Logs outages and waits for their end.

    Args:
        engine: the database with the leases.
        clock: decides what is due.
        jobs: what to run.
        lease: how long a claim is valid without renewal.
        on_turn: called in every turn of the main loop.
        on_stop: called once at the end; must make long-running jobs return.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        jobs: list[Job],
        *,
        lease: timedelta = LEASE,
        on_turn: Callable[[], None] = _nothing,
        on_stop: Callable[[], None] = _nothing,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._jobs = jobs
        names = [job.name for job in jobs]
        self._leases = Leases(engine, owner=uuid.uuid4().hex, length=lease, jobs=names)
        self._all_jobs = self._timetable(jobs)
        self._on_turn = on_turn
        self._on_stop = on_stop
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._calls: dict[str, _Calls] = {job.name: _Calls() for job in jobs if job.exclusive}

    def stop(self) -> None:
        """Make ``run`` return after the current jobs; safe in a signal handler."""
        self._stop.put(None)  # setting an Event takes a lock and could dead-lock here

    def call(self, job: str, slot: str) -> None:
        """Run an exclusive job soon, once in all schedulers for this slot.

        Calls that come while it runs are one more run, for the newest slot.
        """
        self._calls[job].put(slot)

    def run(self) -> None:
        """Run jobs when they are due, until stopped."""
        timetable = self._timetable([job for job in self._jobs if not job.exclusive])
        threads = [
            threading.Thread(target=self._run_exclusive, args=(job,), name=f"job {job.name}")
            for job in self._jobs
            if job.exclusive
        ]
        for thread in threads:
            thread.start()
        try:
            wait_s = 0.0
            while not self._is_stopped_within(wait_s):
                self._on_turn()
                self._turn(timetable)
                wait_s = timetable.wait_s()
        finally:
            self._ended.set()
            for calls in self._calls.values():
                calls.put(None)
            self._on_stop()
            for thread in threads:
                thread.join()

    def tick(self) -> None:
        """Run the jobs that are due now, and take over expired slots."""
        self._turn(self._all_jobs)

    def _timetable(self, jobs: Sequence[Job]) -> _Timetable:
        return _Timetable(jobs, self._clock, min(self._leases.length / 4, TAKEOVER_EVERY))

    def _run_exclusive(self, job: Job) -> None:
        """Run one exclusive job in its own thread."""
        timetable, calls = self._timetable([job]), self._calls[job.name]
        wait_s = 0.0
        while not self._ended.is_set():
            slot = calls.newest_within(wait_s)
            if self._ended.is_set():
                return
            if slot is not None:
                self._guarded(job, slot)
            self._turn(timetable)
            wait_s = timetable.wait_s()

    def _turn(self, timetable: _Timetable) -> None:
        for job, slot in timetable.due():
            self._guarded(job, slot)
        for job in timetable.takeover_due():
            self._take_over(job)

    def _is_stopped_within(self, seconds: float) -> bool:
        try:
            self._stop.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def _take_over(self, job: Job) -> None:
        """Run slots that a scheduler claimed and did not complete, because it died."""
        try:
            slots = self._leases.expired(job.name)
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
            return
        except Exception as error:  # noqa: BLE001 - nobody would notice the death of this thread
            log.critical("job_broken", job=job.name, slot="", **_error_fields(error))
            return
        for slot in slots:
            if not self._ended.is_set():
                self._guarded(job, slot)

    def _guarded(self, job: Job, slot: str) -> None:
        try:
            if job.exclusive:
                self._run_once(job, slot)
            else:
                job.run(slot)
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
        except TieoutError as error:
            log.warning("job_failed", job=job.name, slot=slot, why=str(error))
        except Exception as error:  # noqa: BLE001 - the process edge; other jobs continue
            log.critical("job_broken", job=job.name, slot=slot, **_error_fields(error))

    def _run_once(self, job: Job, slot: str) -> None:
        attempt = self._leases.claim(job.name, slot, every=job.every)
        if attempt is None:
            return
        if attempt > ATTEMPTS_MAX:
            self._park(job, slot, "every attempt ended with its process")
            return
        log.info("job_claimed", job=job.name, slot=slot, attempt=attempt)
        try:
            with self._renewed_lease(job, slot):
                job.run(slot)
        except Unavailable:
            self._leases.release(job.name, slot)
            raise
        except Exception as error:
            if attempt >= ATTEMPTS_MAX:
                self._park(job, slot, _text_of(error))
            raise
        self._leases.complete(job.name, slot)
        log.info("job_done", job=job.name, slot=slot)

    @contextmanager
    def _renewed_lease(self, job: Job, slot: str) -> Iterator[None]:
        """Renew the lease while the job runs."""
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
            try:
                self._leases.renew(job, slot)
            except Unavailable as error:
                log.warning("lease_not_renewed", job=job, slot=slot, why=str(error))

    def _park(self, job: Job, slot: str, why: str) -> None:
        """Park a slot for a person and complete it, so that it does not run again by itself."""
        error = Contradiction(f"not done after {ATTEMPTS_MAX} attempts: {why}")
        with transaction(self._engine, "schedule") as connection:
            park(connection, job=job.name, subject=f"slot {slot}", error=error)
        self._leases.complete(job.name, slot)


def _text_of(error: Exception) -> str:
    """The message of our own errors; the class and place of any other."""
    if isinstance(error, TieoutError):
        return str(error)
    return f"{type(error).__name__} at {place_of(error)}"


def _error_fields(error: Exception) -> dict[str, str]:
    """An error's class and place for the log; its message may quote secrets or payloads."""
    return {"error": type(error).__name__, "at": place_of(error)}
