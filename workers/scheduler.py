"""What runs when. A slot is claimed by a lease, so two schedulers are as good as one.

A job that only one scheduler may do takes its time, or waits for somebody else's server: it has
a thread of its own, so that none keeps the others, the sweep or the heartbeat waiting.
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
from sqlalchemy.exc import OperationalError

from storage.queue.parking import park, place_of
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction, TieoutError, Unavailable
from workers.leases import Leases

#: How long a claim holds without being renewed.
LEASE = timedelta(seconds=60)
#: Longest time between two looks for slots that were left behind.
LOOK_BACK = timedelta(seconds=5)
#: Longest time between two turns of the scheduler itself, which show that it is alive.
TURN_S = 5.0
#: Attempts at one slot before it is parked.
ATTEMPTS_MAX = 5

log = structlog.get_logger()


def _nothing() -> None:
    return None


class JobFailed(TieoutError):
    """A job did not do its slot, and not for an outage of the database: an attempt is spent."""


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


class _Rota:
    """When each of some jobs is due, and when to look for what was left behind of them."""

    def __init__(self, jobs: Sequence[Job], clock: Clock, look_every: timedelta) -> None:
        now = clock.now()
        self._clock = clock
        self._look_every = look_every
        self._jobs = jobs
        self._due = {job.name: now for job in jobs}
        self._look_back_at = now

    def due(self) -> Iterator[tuple[Job, str]]:
        """Jobs that are due as they are asked for, with their slots."""
        for job in self._jobs:
            now = self._clock.now()
            if self._due[job.name] <= now:
                self._due[job.name] = now + job.every
                yield job, slot_of(now, job.every)

    def to_look_back(self) -> Iterator[Job]:
        """Jobs of which others may have left something behind, if it is time to look."""
        now = self._clock.now()
        if self._look_back_at <= now:
            self._look_back_at = now + self._look_every
            yield from (job for job in self._jobs if job.once)

    def wait_s(self) -> float:
        """Seconds until something is due, at most those of one turn."""
        wait = min([*self._due.values(), self._look_back_at]) - self._clock.now()
        return min(max(wait.total_seconds(), 0.0), TURN_S)


class Scheduler:
    """Runs jobs on time until told to stop. An outage is logged and waited out.

    Args:
        engine: where slots are claimed.
        clock: says what is due.
        jobs: what to run.
        lease: how long a claim holds without being renewed.
        on_turn: called before every look at what is due.
        on_stop: called once when it is told to stop: makes what takes long give up.
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
        self._leases = Leases(engine, owner=uuid.uuid4().hex, length=lease)
        self._all = self._rota(jobs)
        self._on_turn = on_turn
        self._on_stop = on_stop
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended = threading.Event()

    def stop(self) -> None:
        """Make ``run`` return after the jobs it is in; safe in a signal handler."""
        self._stop.put(None)  # an Event could dead-lock here: setting it takes a lock

    def run(self) -> None:
        """Run whatever is due, then wait for the next, until stopped."""
        rota = self._rota([job for job in self._jobs if not job.once])
        beside = [
            threading.Thread(target=self._keep, args=(job,), name=f"job {job.name}")
            for job in self._jobs
            if job.once
        ]
        for each in beside:
            each.start()
        try:
            wait_s = 0.0
            while not self._is_stopped_within(wait_s):
                self._on_turn()
                self._turn(rota)
                wait_s = rota.wait_s()
        finally:
            self._ended.set()
            self._on_stop()
            for each in beside:
                each.join()

    def tick(self) -> None:
        """Run the jobs that are due now, once, and whatever others left behind."""
        self._turn(self._all)

    def _rota(self, jobs: Sequence[Job]) -> _Rota:
        return _Rota(jobs, self._clock, min(self._leases.length / 4, LOOK_BACK))

    def _keep(self, job: Job) -> None:
        """Do one job on time, in a thread of its own."""
        rota = self._rota([job])
        wait_s = 0.0
        while not self._ended.wait(wait_s):
            self._turn(rota)
            wait_s = rota.wait_s()

    def _turn(self, rota: _Rota) -> None:
        for job, slot in rota.due():
            self._guarded(job, slot)
        for job in rota.to_look_back():
            self._look_back(job)

    def _is_stopped_within(self, seconds: float) -> bool:
        try:
            self._stop.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def _look_back(self, job: Job) -> None:
        """Take over what a scheduler claimed and did not complete, because it died."""
        try:
            slots = self._leases.left_behind(job.name)
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
            return
        except Exception as error:  # noqa: BLE001 - a thread that died here would not be missed
            log.critical("job_broken", job=job.name, slot="", **_told(error))
            return
        for slot in slots:
            if not self._ended.is_set():
                self._guarded(job, slot)

    def _guarded(self, job: Job, slot: str) -> None:
        try:
            if job.once:
                self._run_once(job, slot)
            else:
                job.run(slot)
        except Unavailable as error:
            log.warning("job_unavailable", job=job.name, why=str(error))
        except JobFailed as error:
            log.warning("job_failed", job=job.name, slot=slot, why=str(error))
        except Exception as error:  # noqa: BLE001 - the edge of the process: other jobs go on
            log.critical("job_broken", job=job.name, slot=slot, **_told(error))

    def _run_once(self, job: Job, slot: str) -> None:
        attempt = self._leases.claim(job.name, slot)
        if attempt is None:
            return
        if attempt > ATTEMPTS_MAX:
            self._park(job, slot, "nobody lived to say why")
            return
        log.info("job_claimed", job=job.name, slot=slot, attempt=attempt)
        try:
            with self._held(job, slot):
                job.run(slot)
        except Unavailable:
            self._leases.release(job.name, slot)
            raise
        except Exception as error:
            if attempt >= ATTEMPTS_MAX:
                self._park(job, slot, _words(error))
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
            try:
                self._leases.renew(job, slot)
            except Unavailable as error:
                log.warning("lease_not_renewed", job=job, slot=slot, why=str(error))

    def _park(self, job: Job, slot: str, why: str) -> None:
        """Leave a slot to a person: it is done with, until somebody asks for it again."""
        error = Contradiction(f"not done in {ATTEMPTS_MAX} attempts: {why}")
        try:
            with self._engine.begin() as connection:
                park(connection, job=job.name, subject=f"slot {slot}", error=error)
        except OperationalError as down:
            raise Unavailable("schedule: the database is out of reach") from down
        self._leases.complete(job.name, slot)


def _words(error: Exception) -> str:
    """What may be told of an error: our own say it themselves."""
    if isinstance(error, TieoutError):
        return str(error)
    return f"{type(error).__name__} at {place_of(error)}"


def _told(error: Exception) -> dict[str, str]:
    """An error's kind and place; its words may quote what must not be told."""
    return {"error": type(error).__name__, "at": place_of(error)}
