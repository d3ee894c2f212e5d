"""Reconciliation on a schedule: changes in open days, and mature days that are to be closed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from ops.background.priorities import priority_of
from ops.providers.maturity import maturity_now
from ops.runtime.child_jobs import ChildJobs, Stopping
from ops.scheduling.closing_days import DueDay, due_days
from ops.settings.model import ProviderSettings, Settings
from ops.work import Work
from storage.transactions import reading
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import TieoutError
from vocabulary.window import day_window
from workers.scheduler import Job, JobFailed

#: Longest time for one run; then it is given up.
RUN_TIMEOUT = timedelta(hours=6)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRun:
    """The stored run of a day."""

    run_id: str
    has_breaks: bool


def reconcile_jobs(
    settings: Settings,
    engine: Engine,
    clock: Clock,
    child_jobs: ChildJobs,
    *,
    database_url: str,
    data_dir: Path,
) -> list[Job]:
    """The job that keeps every provider reconciled; none, where the settings ask for none.

    Args:
        settings: how often, and the providers.
        engine: where days are looked up.
        clock: says which days are over.
        child_jobs: runs the reconciliations in child processes.
        database_url: where the runs read and store.
        data_dir: where a run keeps finished parts until it is stored.
    """
    every = settings.reconcile.every
    if not every:
        return []
    patience = settings.reconcile.close_unheard_after
    call = partial(
        child_jobs.call,
        timeout=RUN_TIMEOUT,
        priority=priority_of(settings, Work.RECONCILE, database_url),
    )

    def run(_slot: str) -> None:
        failures: list[str] = []
        for entry in settings.providers:
            for due in _read_days(engine, entry, clock.now(), patience):
                failures += _reconcile(call, database_url, data_dir, entry, due)
        if failures:
            raise JobFailed("; ".join(failures))

    return [Job(name="reconcile", every=every, run=run, exclusive=True)]


def reconcile_day(
    database_url: str, data_dir: Path, entry: ProviderSettings, due: DueDay
) -> DayRun:
    """Reconcile a day of a provider: sign it off, or look at what changed in it.

    Raises:
        Unavailable, Contradiction: see ``reconcile.runs.run.reconcile``.
    """
    # pandas would add 118 MB to the scheduler, which never needs it.
    from ops.providers.reconciliation import checkpoint_folder, reconcile_provider  # noqa: PLC0415
    from reconcile.partitions.options import RunOptions  # noqa: PLC0415

    window = day_window(due.day, ZoneInfo(entry.timezone))
    result = reconcile_provider(
        database_url,
        entry,
        window,
        maturity=maturity_now(database_url, entry, SystemClock()),
        close=due.day if due.closes else None,
        options=RunOptions(
            incremental=not due.closes,
            checkpoint=checkpoint_folder(data_dir, entry.slug, window),
        ),
    )
    return DayRun(run_id=result.run_id, has_breaks=bool(result.breaks))


def _read_days(
    engine: Engine, entry: ProviderSettings, now: datetime, patience: timedelta
) -> list[DueDay]:
    with reading(engine, "reconcile") as connection:
        return due_days(connection, entry, now, patience=patience)


def _reconcile(
    call: Callable[..., DayRun],
    database_url: str,
    data_dir: Path,
    entry: ProviderSettings,
    due: DueDay,
) -> Iterator[str]:
    """Have a day reconciled; yield why that failed, which keeps no other day waiting."""
    provider, day = entry.slug, str(due.day)
    if due.waits_for:
        why = "; ".join(due.waits_for)
        if due.needs_person:
            command = f"tieout day close {day} --provider {provider} --reason WHY"
            log.warning("day_waits", provider=provider, day=day, why=why, next=command)
        else:
            log.info("day_waits", provider=provider, day=day, why=why)
    try:
        run = call(reconcile_day, database_url, data_dir, entry, due)
    except Stopping:
        raise
    except TieoutError as error:
        yield f"{provider} {day}: {error}"
        return
    log.info(
        "reconciled",
        provider=provider,
        day=day,
        closed=due.closes,
        run=run.run_id,
        breaks=run.has_breaks,
    )
