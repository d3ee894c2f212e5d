"""One job in a child process of the scheduler, in the name of the person who requested it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sqlalchemy import Engine

from ops.engines.servers import Endpoints
from ops.jobs.work import JobRun, ProgressLog, monotonic_s
from ops.settings.model import Settings
from storage.engine import open_engine
from storage.jobs.kinds import JobKind
from storage.jobs.model import JobResult, StoredJob
from storage.jobs.queries import files_of
from storage.jobs.running import finish_job
from storage.people import act_as, get_person
from storage.transactions import reading, transaction
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction
from vocabulary.people import Actor, PersonRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask:
    """What a child process needs; it is pickled.

    Attributes:
        runner: the scheduler's own name, under which it took the job.
        kind: of the job; None if this version does not know it.
    """

    job: StoredJob
    runner: str
    settings: Settings
    endpoints: Endpoints
    data_dir: Path
    kind: JobKind | None


def run_job(task: JobTask) -> None:
    """Do a job and store that it is done.

    Raises:
        PersonRefused: the person was disabled, or lost the right, since the request.
        TieoutError: the job cannot be done.
    """
    kind = task.kind
    if kind is None:
        raise Contradiction(f"this version knows no job {task.job.kind}")
    app_engine = open_engine(task.endpoints.database_url)
    try:
        run = _prepared(task, kind, app_engine)
        result = _function(kind)(run)
        run.progress.flush()
        with transaction(run.engine, "jobs") as connection:
            for step in run.at_end:
                step(connection)
            finish_job(connection, task.job, task.runner, result, run.made)
    finally:
        app_engine.dispose()


def _prepared(task: JobTask, kind: JobKind, app_engine: Engine) -> JobRun:
    job = task.job
    with reading(app_engine, "jobs") as connection:
        person = get_person(connection, job.requested_by)
        files = files_of(connection, job.job_id)
    if person.disabled:
        raise PersonRefused(f"{person.name} is disabled")
    person.require(kind.right)
    actor = Actor(person=person, acting=person)
    engine = app_engine.execution_options()
    act_as(engine, actor)
    return JobRun(
        arguments=kind.read(job.arguments),
        settings=task.settings,
        endpoints=task.endpoints,
        data_dir=task.data_dir,
        engine=engine,
        actor=actor,
        clock=SystemClock(),
        files=files,
        progress=ProgressLog(app_engine, job.job_id, task.runner, seconds=monotonic_s),
    )


def _function(kind: JobKind) -> Callable[[JobRun], JobResult]:
    module, _, name = kind.run.partition(":")
    function: Callable[[JobRun], JobResult] = getattr(import_module(module), name)
    return function
