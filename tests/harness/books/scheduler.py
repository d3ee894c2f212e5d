"""Does what was requested in the console, in the process of the test."""

from ops.engines.servers import Endpoints
from ops.jobs.child import JobTask, run_job
from ops.jobs.registry import KINDS
from storage.jobs.model import StoredJob
from storage.jobs.queries import job_numbered
from storage.jobs.running import fail_job, take_job
from tests.harness.books.console import ConsoleBooks
from vocabulary.errors import TieoutError


class Scheduler:
    """Does what was requested, in this process."""

    def __init__(self, books: ConsoleBooks) -> None:
        self._books = books

    def run(self, path: str) -> StoredJob:
        """Do the job that a reply led to, which is the only one that waits."""
        engine, settings = self._books.books.engine, self._books.context.settings
        with engine.begin() as connection:
            job = take_job(connection, "test", heavy=False) or take_job(
                connection, "test", heavy=True
            )
        assert job is not None
        assert path == f"/jobs/{job.job_id}"
        task = JobTask(
            job=job,
            runner="test",
            settings=settings,
            endpoints=Endpoints(database_url=self._books.books.url, broker_url=""),
            data_dir=self._books.context.data_dir,
            kind=KINDS[job.kind],
        )
        try:
            run_job(task)
        except TieoutError as error:
            with engine.begin() as connection:
                fail_job(connection, job, "test", str(error), interrupted=False)
        with engine.connect() as connection:
            done = job_numbered(connection, job.job_id)
        assert done is not None
        return done
