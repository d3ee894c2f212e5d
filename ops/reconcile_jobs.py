"""Reconciliation on a schedule: what changed in open days, and days that are ripe to be closed.

Each run is the command itself in a process of its own, so that the scheduler stays small and
whatever a run needs in memory goes with it.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ops.settings import ProviderSettings, Settings
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable
from workers.schedule import Job

#: Days before today that may still be open, or wait to be closed.
LOOK_BACK_DAYS = 7
#: Exit codes of a run that stands: without breaks, and with some.
STANDS = (0, 1)

_CLOSED = "SELECT business_day FROM closes WHERE provider = :provider"
_ANYTHING = """
SELECT EXISTS (SELECT FROM rounds
                WHERE provider = :provider AND first_at >= :start AND first_at < :end)
    OR EXISTS (SELECT FROM feed_records
                WHERE provider = :provider AND created_at >= :start AND created_at < :end)
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """A day of a provider that is looked at now.

    Attributes:
        ripe: it is over, and so is the time in which one side may still be late: it is closed.
    """

    day: date
    ripe: bool


def reconcile_jobs(
    settings: Settings, engine: Engine, clock: Clock, command: Sequence[str]
) -> list[Job]:
    """The job that keeps every provider reconciled; none, where the settings ask for none.

    Args:
        settings: how often, and the providers.
        engine: where days are looked up.
        clock: says which days are over.
        command: how ``tieout`` is called with its global options.
    """
    every = settings.reconcile.every
    if not every:
        return []

    def run(_slot: str) -> None:
        for entry in settings.providers:
            for due in _due(engine, entry, clock.now()):
                _call([*command, *arguments(entry.slug, due)])

    return [Job(name="reconcile", every=every, run=run, once=True)]


def tieout_command(data_dir: Path, config: Path | None) -> list[str]:
    """How this very installation is called, on the same data and settings."""
    chosen = [] if config is None else ["--config", str(config)]
    return [sys.executable, "-m", "ops", "--data", str(data_dir), *chosen]


def arguments(slug: str, due: DueDay) -> list[str]:
    """The arguments of the run that a day needs."""
    after = due.day + timedelta(days=1)
    window = ["--from", due.day.isoformat(), "--to", after.isoformat()]
    how = "--close-day" if due.ripe else "--incremental"
    return ["reconcile", "--provider", slug, *window, how]


def due_days(
    connection: Connection, provider: str, *, zone: str, maturity: timedelta, now: datetime
) -> list[DueDay]:
    """Days of a provider that are not closed and hold anything, oldest first."""
    closed = set(connection.execute(text(_CLOSED), {"provider": provider}).scalars())
    today = now.astimezone(ZoneInfo(zone)).date()
    found = []
    for back in range(LOOK_BACK_DAYS, -1, -1):
        day = today - timedelta(days=back)
        start, end = (_midnight(each, zone) for each in (day, day + timedelta(days=1)))
        said = {"provider": provider, "start": start, "end": end}
        if day in closed or not connection.execute(text(_ANYTHING), said).scalar_one():
            continue
        found.append(DueDay(day=day, ripe=end + maturity <= now))
    return found


def _due(engine: Engine, entry: ProviderSettings, now: datetime) -> list[DueDay]:
    try:
        with engine.connect() as connection:
            return due_days(
                connection, entry.slug, zone=entry.timezone, maturity=entry.maturity, now=now
            )
    except OperationalError as down:
        raise Unavailable("reconcile: the database is out of reach") from down


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode not in STANDS:
        raise Unavailable(f"reconcile: {done.stderr.strip()[-500:] or done.returncode}")
    log.info("reconciled", run=" ".join(command[-7:]), breaks=done.returncode == 1)
