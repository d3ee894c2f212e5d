"""Notifications on a schedule."""

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from ops.providers.configured import configured_provider
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.business_days import business_day_of
from ops.settings.break_policy import rules_of
from ops.settings.model import Settings
from ops.settings.notify_rules import every_rule
from ops.settings.sections.feed import pushes_history
from reports.notifications.event import Circumstances
from reports.notifications.message import Attachment
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid
from vocabulary.window import day_window
from workers.scheduler import Job

#: Time between two searches for something to tell.
NOTIFY_EVERY = timedelta(seconds=15)
#: Longest time for one turn; every message has its own limit.
TURN_TIMEOUT = timedelta(minutes=30)


def notify_jobs(settings: Settings, database_url: str, child_jobs: ChildJobs) -> list[Job]:
    """The job that sends notifications; none if the settings have no channel.

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
        with engine.connect() as connection:
            listed = every_rule(connection, settings)
        return notify(
            engine,
            [entry.rule for entry in listed if entry.rule is not None and entry.is_in_force],
            circumstances_of(settings, now),
            send,
            partial(workbook_of, database_url, settings),
            disabled=[
                entry.rule for entry in listed if entry.rule is not None and entry.is_disabled
            ],
        )
    finally:
        engine.dispose()


def workbook_of(database_url: str, settings: Settings, slug: str, day: date) -> Attachment:
    """The workbook of a provider's day.

    Raises:
        SettingsInvalid: the provider is no longer configured.
        Refused, Unavailable: no pack can be made.
    """
    # Charts and workbooks take a second that turns without a signed day do not need.
    from ops.providers.packs import PackOptions, write_packs  # noqa: PLC0415

    entries = [entry for entry in settings.providers if entry.slug == slug]
    if not entries:
        raise SettingsInvalid([f"no provider is called {slug} any more"])
    chosen = configured_provider(entries[0])
    window = day_window(day, ZoneInfo(entries[0].timezone))
    with TemporaryDirectory() as folder:
        options = PackOptions(read_day=business_day_of)
        written = write_packs(database_url, settings, [(chosen, window)], Path(folder), options)
        file = next(path for path in written.files[slug] if path.suffix == ".xlsx")
        return Attachment(name=file.name, content=file.read_bytes())


def circumstances_of(settings: Settings, now: datetime) -> Circumstances:
    """What events depend on, from the settings."""
    return Circumstances(
        now=now,
        sla=rules_of(settings),
        stale_after={entry.slug: entry.feed.stale_after for entry in settings.providers},
        exponents={entry.slug: entry.exponents for entry in settings.providers},
        pushing=frozenset(
            entry.slug for entry in settings.providers if pushes_history(entry.dialect)
        ),
    )
