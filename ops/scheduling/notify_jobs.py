"""Notifications on a schedule."""

from datetime import datetime, timedelta

from ops.runtime.child_jobs import ChildJobs
from ops.settings.break_policy import rules_of
from ops.settings.model import Settings
from ops.settings.notify_rules import rules_of_notify
from reports.notifications.events import Circumstances
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from workers.scheduler import Job

#: Time between two searches for something to tell.
NOTIFY_EVERY = timedelta(seconds=15)
#: Longest time for one turn; every message has its own limit.
TURN_TIMEOUT = timedelta(minutes=30)


def notify_jobs(settings: Settings, database_url: str, child_jobs: ChildJobs) -> list[Job]:
    """The job that sends notifications; none if the settings have no rule.

    A slow mail server must not delay other jobs, so it runs in a child process.
    """
    if not settings.notify:
        return []

    def run(_slot: str) -> None:
        child_jobs.call(notify_now, database_url, settings, timeout=TURN_TIMEOUT)

    return [Job(name="notify", every=NOTIFY_EVERY, run=run, exclusive=True)]


def notify_now(database_url: str, settings: Settings) -> int:
    """Do one turn; returns how many messages were sent."""
    # aiohttp and its TLS would add 20 MB to the scheduler, which never sends.
    from reports.notifications.channels import send  # noqa: PLC0415
    from reports.notifications.turn import notify  # noqa: PLC0415

    engine = open_engine(database_url, pool_size=1)
    try:
        now = SystemClock().now()
        return notify(engine, rules_of_notify(settings), circumstances_of(settings, now), send)
    finally:
        engine.dispose()


def circumstances_of(settings: Settings, now: datetime) -> Circumstances:
    """What events depend on, from the settings."""
    return Circumstances(
        now=now,
        sla=rules_of(settings),
        stale_after={entry.slug: entry.feed.stale_after for entry in settings.providers},
        exponents={entry.slug: entry.exponents for entry in settings.providers},
    )
