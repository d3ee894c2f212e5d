"""Reconciliation on a schedule: what changed in open days, and days that are ripe to be closed.

Each run is the command itself in a process of its own, so that the scheduler stays small and
whatever a run needs in memory goes with it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.closing_days import DueDay, days_of
from ops.settings.model import ProviderSettings, Settings
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable
from workers.scheduler import Job, JobFailed

#: Exit codes of a run that stands: without breaks, and with some.
STANDS = (0, 1)
#: Longest time for one run; then it is given up.
RUN_WITHIN = timedelta(hours=6)

log = structlog.get_logger()


def reconcile_jobs(
    settings: Settings,
    engine: Engine,
    clock: Clock,
    command: Sequence[str],
    child_jobs: ChildJobs,
) -> list[Job]:
    """The job that keeps every provider reconciled; none, where the settings ask for none.

    Args:
        settings: how often, and the providers.
        engine: where days are looked up.
        clock: says which days are over.
        command: how ``tieout`` is called with its global options.
        child_jobs: runs the reconciliations in child processes.
    """
    every = settings.reconcile.every
    if not every:
        return []
    patience = settings.reconcile.close_unheard_after

    def run(_slot: str) -> None:
        failed: list[str] = []
        for entry in settings.providers:
            days = _due(engine, entry, clock.now(), patience)
            failed += _made(child_jobs, command, entry.slug, days)
        if failed:
            raise JobFailed("; ".join(failed))

    return [Job(name="reconcile", every=every, run=run, exclusive=True)]


def arguments(slug: str, due: DueDay) -> list[str]:
    """The arguments of the run that a day needs."""
    after = due.day + timedelta(days=1)
    window = ["--from", due.day.isoformat(), "--to", after.isoformat()]
    how = "--close-day" if due.closes else "--incremental"
    return ["reconcile", "--provider", slug, *window, how]


def _due(
    engine: Engine, entry: ProviderSettings, now: datetime, patience: timedelta
) -> list[DueDay]:
    try:
        with engine.connect() as connection:
            return days_of(connection, entry, now, patience=patience)
    except OperationalError as down:
        raise Unavailable("reconcile: the database is out of reach") from down


def _made(
    child_jobs: ChildJobs, command: Sequence[str], slug: str, days: Sequence[DueDay]
) -> Iterator[str]:
    """Have the runs made; what failed, in words. None keeps another from its turn."""
    for due in days:
        if due.waits:
            log.info("day_waits", provider=slug, day=str(due.day), why="; ".join(due.waits))
        words = arguments(slug, due)
        try:
            done = child_jobs.run([*command, *words], patience=RUN_WITHIN)
        except JobFailed as late:
            yield str(late)
            continue
        if done.code not in STANDS:
            yield f"{' '.join(words)}: {done.reason()}"
            continue
        log.info("reconciled", run=" ".join(words), breaks=done.code == 1)
