"""The job that keeps the sums of days that are over, so that pages need not add them up."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Engine, text

from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import ProviderSettings, Settings
from reconcile.days.day_sums import SummedDay, stale_days
from reconcile.days.summing import keep_sums
from storage.archive.row_cut import rows_begin_at
from storage.transactions import engine_at, reading
from vocabulary.clock import Clock, SystemClock
from vocabulary.window import day_window
from workers.scheduler import Job

#: Time between two looks at what has changed.
EVERY = timedelta(minutes=5)
#: How long after its end a day is added up: what was accepted last is posted by then.
SETTLES = timedelta(minutes=15)
#: How many days back sums are kept.
DAYS = 400
#: Longest time for one round.
TIMEOUT = timedelta(hours=1)
_FIRST = """
SELECT least((SELECT min(first_at) FROM rounds WHERE provider = :provider),
             (SELECT min(created_at) FROM feed_records WHERE provider = :provider))
"""

log = structlog.get_logger()


def day_sum_job(
    settings: Settings, engine: Engine, clock: Clock, database_url: str, child_jobs: ChildJobs
) -> Job:
    """Add up the days that are over and not kept, the newest first; one scheduler does it."""

    def run(_slot: str) -> None:
        with reading(engine, "sums of days") as connection:
            now = clock.now()
            days = stale_days(connection, over_days(connection, settings.providers, now), now)
        if days:
            count = child_jobs.call(keep_days, database_url, days, timeout=TIMEOUT)
            log.info("days_summed", stale=len(days), summed=count)

    return Job(name="day_sums", every=EVERY, run=run, exclusive=True)


def keep_days(database_url: str, days: list[SummedDay]) -> int:
    """Add up days that are stale; returns how many were."""
    with engine_at(database_url, pool_size=2) as engine:
        return keep_sums(engine, days, SystemClock())


def over_days(
    connection: Connection, providers: tuple[ProviderSettings, ...], now: datetime
) -> list[SummedDay]:
    """The days since a provider's first row that are over, the newest first.

    A day is left out if rows of it left for an archive.
    """
    days = [day for entry in providers for day in _over(connection, entry, now)]
    return sorted(days, key=lambda day: (day.window.start, day.provider), reverse=True)


def _over(
    connection: Connection, entry: ProviderSettings, now: datetime
) -> Iterator[SummedDay]:
    zone = ZoneInfo(entry.timezone)
    first = connection.execute(text(_FIRST), {"provider": entry.slug}).scalar_one()
    if first is None:
        return
    cut = rows_begin_at(connection)
    today = now.astimezone(zone).date()
    for back in range(1, DAYS + 1):
        day = today - timedelta(days=back)
        window = day_window(day, zone)
        if window.end <= first or (cut is not None and window.start < cut):
            return
        if window.end + SETTLES <= now:
            yield SummedDay(provider=entry.slug, day=day, zone=entry.timezone, window=window)
