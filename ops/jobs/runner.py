"""Runs requested jobs in the scheduler: each in a child process, one heavy one at a time.

Light jobs have a thread of their own, so that they never wait for a heavy one. Several
schedulers may run; a job is taken by one of them.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from ops.background.priorities import priority_of
from ops.engines.servers import Endpoints
from ops.jobs.child import JobTask, run_job
from ops.jobs.registry import KINDS
from ops.runtime.child_jobs import ChildJobs, Stopping
from ops.settings.model import Settings
from ops.work import Work
from storage.jobs.kinds import JobKind
from storage.jobs.model import StoredJob
from storage.jobs.running import (
    INTERRUPTED,
    beat_job,
    fail_job,
    mark_interrupted,
    remove_old,
    take_job,
)
from storage.transactions import transaction
from vocabulary.clock import Clock
from vocabulary.errors import TieoutError, Unavailable

#: Seconds between two searches for jobs that wait.
POLL_S = 1.0
#: Seconds between two signs of life of a running job.
BEAT_S = 3.0
#: Without a sign of life for so long, a job is interrupted.
SILENCE = timedelta(seconds=20)
#: Seconds between two searches for jobs and files that are old.
CLEAN_EVERY_S = 60.0
#: How long a job runs at most if this version does not know its kind.
_UNKNOWN_TIMEOUT = timedelta(minutes=1)
#: What kinds of jobs are part of, by the thing that they are about; the others are reports.
_WORK = {"day": Work.RECONCILE, "rules": Work.RECONCILE, "feed": Work.IMPORTS}

log = structlog.get_logger()


class JobLanes:
    """Takes and runs jobs until stopped.

    Args:
        engine: the database, as the application.
        settings: what the jobs work with, and how long they are kept.
        endpoints: the database and the broker.
        data_dir: where runs keep their finished parts.
        child_jobs: runs the jobs, and other work of the scheduler; ``stop`` stops all of it.
        runner: the name of this scheduler.
        clock: says what is old.
        kinds: every kind by name.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        endpoints: Endpoints,
        data_dir: Path,
        child_jobs: ChildJobs,
        *,
        runner: str,
        clock: Clock,
        kinds: Mapping[str, JobKind] = KINDS,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._endpoints = endpoints
        self._data_dir = data_dir
        self._child_jobs = child_jobs
        self._runner = runner
        self._clock = clock
        self._kinds = kinds
        self._stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run jobs in threads while the block runs."""
        threads = [
            threading.Thread(target=self._keep_taking, args=(heavy,), name=f"jobs {name}")
            for name, heavy in (("light", False), ("heavy", True))
        ]
        threads.append(threading.Thread(target=self._keep_clean, name="jobs old"))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def stop(self) -> None:
        """Take no more jobs, then stop the child jobs, which interrupts what runs."""
        self._stopped.set()
        self._child_jobs.stop()

    def run_next(self, *, heavy: bool) -> bool:
        """Take and run the next job, if one waits.

        Raises:
            Unavailable: the database is out of reach.
        """
        with transaction(self._engine, "jobs") as connection:
            interrupted = mark_interrupted(connection, SILENCE)
        for number in interrupted:
            log.warning("requested_job_interrupted", job=number)
        with transaction(self._engine, "jobs") as connection:
            job = take_job(connection, self._runner, heavy=heavy)
        if job is None:
            return False
        self._run(job)
        return True

    def clean(self) -> int:
        """Remove what is old; returns how many jobs.

        Raises:
            Unavailable: the database is out of reach.
        """
        now, console = self._clock.now(), self._settings.console
        with transaction(self._engine, "jobs") as connection:
            return remove_old(
                connection,
                jobs_before=now - console.jobs_keep,
                files_before=now - min(console.job_files_keep, console.jobs_keep),
            )

    def _keep_taking(self, heavy: bool) -> None:  # noqa: FBT001 - a thread's argument
        wait_s = 0.0
        while not self._stopped.wait(wait_s):
            wait_s = POLL_S
            with self._failures_logged():
                wait_s = 0.0 if self.run_next(heavy=heavy) else POLL_S

    def _keep_clean(self) -> None:
        wait_s = 0.0
        while not self._stopped.wait(wait_s):
            wait_s = CLEAN_EVERY_S
            with self._failures_logged():
                self.clean()

    @contextmanager
    def _failures_logged(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            log.warning("requested_jobs_unavailable", why=str(error))
        except Exception:
            log.critical("requested_jobs_broken", exc_info=True)

    def _run(self, job: StoredJob) -> None:
        kind = self._kinds.get(job.kind)
        log.info("requested_job_started", job=job.job_id, kind=job.kind, by=job.requested_by)
        task = JobTask(
            job=job,
            runner=self._runner,
            settings=self._settings,
            endpoints=self._endpoints,
            data_dir=self._data_dir,
            kind=kind,
        )
        timeout = _UNKNOWN_TIMEOUT if kind is None else kind.timeout
        work = _WORK.get(job.kind.partition(".")[0], Work.REPORTS)
        priority = priority_of(self._settings, work, self._endpoints.database_url)
        try:
            with self._alive(job):
                self._child_jobs.call(run_job, task, timeout=timeout, priority=priority)
        except Stopping:
            self._fail(job, INTERRUPTED, interrupted=True)
        except TieoutError as error:
            self._fail(job, str(error), interrupted=False)
        else:
            log.info("requested_job_done", job=job.job_id, kind=job.kind)

    @contextmanager
    def _alive(self, job: StoredJob) -> Iterator[None]:
        """Show signs of life while the job runs."""
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=(job, ended))
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()

    def _beat(self, job: StoredJob, ended: threading.Event) -> None:
        while not ended.wait(BEAT_S):
            with self._failures_logged(), transaction(self._engine, "jobs") as connection:
                beat_job(connection, job.job_id, self._runner)

    def _fail(self, job: StoredJob, error: str, *, interrupted: bool) -> None:
        """Store why a job is not done, as soon as the database takes it."""
        log.warning("requested_job_failed", job=job.job_id, kind=job.kind, why=error)
        while True:
            try:
                with transaction(self._engine, "jobs") as connection:
                    fail_job(connection, job, self._runner, error, interrupted=interrupted)
            except Unavailable as unavailable:
                log.warning("requested_jobs_unavailable", why=str(unavailable))
                if self._stopped.wait(POLL_S):
                    return  # another scheduler marks it interrupted
            else:
                return
