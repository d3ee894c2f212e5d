"""Requested jobs of a test: books, the console's connections to them, and runners."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text

from ops.engines.servers import Endpoints
from ops.jobs import registry
from ops.jobs.child import JobTask, run_job
from ops.jobs.runner import JobLanes
from ops.runtime.child_jobs import ChildJobs
from ops.settings.loader import load
from storage.engine import open_engine
from storage.jobs.model import NewJobFile, StoredJob
from storage.jobs.queries import job_numbered
from storage.jobs.requests import cancel_job, request_job
from storage.jobs.running import take_job
from storage.people import act_as, get_person
from storage.rights import CONSOLE_ROLE
from storage.roles import url_as
from tests.harness.books.console import SETTINGS
from tests.harness.jobs import KINDS
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.people import Actor


class RequestedJobs:
    """Books, the console's connections to them, and a runner."""

    def __init__(self, url: str, folder: Path) -> None:
        self.owner = open_engine(url)
        self.console = open_engine(url_as(url, CONSOLE_ROLE, login=True))
        self.config = folder / "tieout.toml"
        self.config.write_text(SETTINGS.format(database=url))
        self.settings = load(self.config, {})
        self.endpoints = Endpoints(database_url=url, broker_url="redis://127.0.0.1:1/0")
        self.folder = folder
        self.kinds = {**registry.KINDS, **KINDS}

    def runner(
        self, name: str, children: ChildJobs, clock: FrozenClock | None = None
    ) -> JobLanes:
        return JobLanes(
            self.owner,
            self.settings,
            self.endpoints,
            self.folder,
            children,
            runner=name,
            clock=clock or SystemClock(),
            kinds=self.kinds,
        )

    def request(
        self,
        kind: str,
        by: str = "maria",
        key: str = "",
        files: tuple[NewJobFile, ...] = (),
        before_commit: Callable[[], object] | None = None,
        **arguments: object,
    ) -> int:
        """Request a job as the console does."""
        engine = self.as_person(by)
        with engine.connect() as connection:
            person = get_person(connection, by)
        with engine.begin() as connection:
            number = request_job(
                connection, self.kinds[kind], arguments, person=person, key=key, files=files
            )
            if before_commit is not None:
                before_commit()
        return number

    def as_person(self, name: str) -> Engine:
        with self.owner.connect() as connection:
            person = get_person(connection, name)
        engine = self.console.execution_options()
        act_as(engine, Actor(person=person, acting=person))
        return engine

    def cancel(self, number: int) -> None:
        with self.as_person("maria").begin() as connection:
            cancel_job(connection, number, by="maria", now=SystemClock().now())

    def run(self, kind: str, **arguments: object) -> StoredJob:
        """Request a job, and run what waits."""
        number = self.request(kind, "maria", "", (), None, **arguments)
        assert self.runner("one", ChildJobs()).run_next(heavy=self.kinds[kind].heavy)
        return self.job(number)

    def job(self, number: int) -> StoredJob:
        with self.owner.connect() as connection:
            job = job_numbered(connection, number)
        assert job is not None
        return job

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def task(self, job: StoredJob) -> JobTask:
        """What the child process of a job would get."""
        return JobTask(
            job=job,
            runner="one",
            settings=self.settings,
            endpoints=self.endpoints,
            data_dir=self.folder,
            kind=self.kinds[job.kind],
        )

    def finish(self, number: int) -> StoredJob:
        """Do a light job in this process."""
        with self.owner.begin() as connection:
            job = take_job(connection, "one", heavy=False)
        assert job is not None
        run_job(self.task(job))
        return self.job(number)
