"""``tieout scheduler``: run every job at its interval. Any number of schedulers may run."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import dramatiq
import structlog
import typer
from sqlalchemy import Engine

from ops.context import context_of, endpoints
from ops.engines.database_checks import require_database
from ops.engines.servers import Endpoints
from ops.jobs.runner import JobLanes
from ops.metrics.server import open_bounded_engine, parts_of, serve_metrics
from ops.providers.worker_context import this_worker, worker_context_of
from ops.runtime import fault_signals, logs
from ops.runtime.child_jobs import ChildJobs
from ops.runtime.service_manager import ServiceManager
from ops.scheduling.amount_jobs import amount_job
from ops.scheduling.booking_jobs import booking_job
from ops.scheduling.day_sum_jobs import day_sum_job
from ops.scheduling.inquiries import schedule_inquiries
from ops.scheduling.notify_jobs import notify_jobs
from ops.scheduling.proof_jobs import proof_jobs
from ops.scheduling.pull_jobs import pull_jobs
from ops.scheduling.recall_calls import listening
from ops.scheduling.recall_jobs import recall_job
from ops.scheduling.reconcile_jobs import reconcile_jobs
from ops.scheduling.size_jobs import size_job
from ops.settings.model import Settings
from storage.broker.redis import open_broker
from storage.engine import open_engine
from storage.queue.liveness import (
    ProcessIdentity,
    beat,
    paused_queues,
    register,
    remove_heartbeat,
)
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import Unavailable
from workers.canary import send_canaries
from workers.heartbeat_file import touch
from workers.scheduler import Job, Scheduler
from workers.sweeper import sweep

#: Time between two heartbeats in PostgreSQL.
BEAT_EVERY = timedelta(seconds=2)
#: Time between two searches for breaks whose provider is to be asked.
INQUIRE_EVERY = timedelta(seconds=10)

log = structlog.get_logger()


def scheduler(
    ctx: typer.Context,
    *,
    pulse: Annotated[
        Path | None, typer.Option(help="A file that shows progress to a supervisor.")
    ] = None,
) -> None:
    """Run scheduled work until SIGTERM: sweep, canaries, pulls, reconciliation, messages."""
    logs.configure(role="scheduler")
    context = context_of(ctx)
    fault_signals.install(context.settings, os.environ)
    engines = endpoints(context)
    require_database(engines.database_url, context.settings.mode)
    keep_schedule(context.settings, engines, context.data_dir, pulse)


def keep_schedule(
    settings: Settings, engines: Endpoints, data_dir: Path, pulse: Path | None
) -> None:
    """Run every job at its interval until SIGTERM or SIGINT.

    Args:
        settings: the intervals and the providers.
        engines: the database and the broker.
        data_dir: where runs keep their finished parts.
        pulse: a file that shows progress, or None.

    Raises:
        Unavailable: the port of the metrics cannot be listened on.
    """
    clock = SystemClock()
    engine = open_engine(engines.database_url)
    worker = this_worker("scheduler", clock)
    jobs = jobs_of(settings, engine, open_broker(engines.broker_url, []), worker)
    jobs += [booking_job(engine, clock), size_job(engine, clock)]
    child_jobs = ChildJobs()
    jobs += pull_jobs(settings, engine, engines.database_url, child_jobs)
    jobs += reconcile_jobs(
        settings,
        engine,
        clock,
        child_jobs,
        database_url=engines.database_url,
        data_dir=data_dir,
    )
    jobs += [day_sum_job(settings, engine, clock, engines.database_url, child_jobs)]
    jobs += [amount_job(engines.database_url, child_jobs)]
    recall = recall_job(engine, engines.database_url, child_jobs)
    jobs += [recall]
    jobs += notify_jobs(settings, engines.database_url, child_jobs)
    jobs += proof_jobs(settings, engines.database_url, child_jobs)
    requested = JobLanes(
        engine, settings, engines, data_dir, child_jobs, runner=worker.name, clock=clock
    )
    runner = Scheduler(
        engine, clock, jobs, on_turn=_progress_shown(pulse), on_stop=requested.stop
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a restart takes new settings
    logs.obey_level_signals()
    with (
        _metrics(settings, engines, clock, child_jobs),
        _registered(engine, worker),
        requested.running(),
        listening(engines.database_url, lambda demand: runner.call(recall.name, demand)),
    ):
        runner.run()


def _progress_shown(pulse: Path | None) -> Callable[[], None]:
    """What each turn of the main loop does: show progress to supervisor and systemd."""
    manager = ServiceManager(os.environ)

    def show() -> None:
        if pulse is not None:
            touch(pulse)
        manager.alive()

    return show


@contextmanager
def _registered(engine: Engine, worker: ProcessIdentity) -> Iterator[None]:
    """Sign on in the database, and off at the end, if it can be reached."""
    with _outage_logged():
        register(engine, worker)
    yield
    with _outage_logged():
        remove_heartbeat(engine, worker)


@contextmanager
def _outage_logged() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        log.info("heartbeat_unavailable", why=str(error))


@contextmanager
def _metrics(
    settings: Settings, engines: Endpoints, clock: Clock, child_jobs: ChildJobs
) -> Iterator[None]:
    """Serve metrics meanwhile, if the settings name a port."""
    if settings.metrics.port is None:
        yield
        return
    engine = open_bounded_engine(engines.database_url)
    parts = parts_of(
        settings,
        engine=engine,
        broker_url=engines.broker_url,
        clock=clock,
        database_url=engines.database_url,
        child_jobs=child_jobs,
    )
    stop = serve_metrics(settings.metrics, parts)
    try:
        yield
    finally:
        stop()
        engine.dispose()


def jobs_of(
    settings: Settings, engine: Engine, broker: dramatiq.Broker, worker: ProcessIdentity
) -> list[Job]:
    """The jobs that run in all schedulers; each finds out itself what is due."""

    def pause_of(queue: str) -> str | None:
        return f"queue {queue} is paused" if queue in paused_queues(engine) else None

    worker_context = worker_context_of(
        engine, settings, worker=worker.name, pause_reason=pause_of
    )
    age_s = max(1, int(settings.workers.sweep_after.total_seconds()))
    canary_every = settings.workers.canary_every
    return [
        Job(
            name="sweep",
            every=settings.workers.sweep_every,
            run=lambda _slot: sweep(worker_context, broker, age_s=age_s),
            exclusive=False,
        ),
        Job(
            name="canary",
            every=canary_every,
            run=lambda _slot: send_canaries(engine, broker, every=canary_every),
            exclusive=False,
        ),
        Job(
            name="details",
            every=INQUIRE_EVERY,
            run=lambda _slot: schedule_inquiries(settings, engine, broker),
            exclusive=False,
        ),
        Job(
            name="heartbeat",
            every=BEAT_EVERY,
            run=lambda _slot: beat(engine, worker),
            exclusive=False,
        ),
    ]
