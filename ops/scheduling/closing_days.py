"""Which days of a provider are looked at, and what a day that is ripe still waits for.

A day is signed off once its feeds had the chance to tell all of it. A feed that is pulled on a
schedule has told a day when a whole pull began after the day was ripe; a daily statement, when
the file of the day was taken in; pushed history, when nothing that came by then waits to be
taken in. Nothing is concluded from silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from feeds.arrival_delay import maturity_for
from ops.providers.maturity import maturity_rules
from ops.settings.feed import pulled_feeds
from ops.settings.model import ProviderSettings, Settings
from vocabulary.window import Window, day_window

#: Days before today that are looked at although no run has looked at them yet.
LOOK_BACK_DAYS = 7

_CLOSED = "SELECT business_day FROM day_closes WHERE provider = :provider"
_LOOKED_AT = "SELECT window_from, window_to FROM run_watermarks WHERE provider = :provider"
_ANYTHING = """
SELECT EXISTS (SELECT FROM rounds
                WHERE provider = :provider AND first_at >= :start AND first_at < :end)
    OR EXISTS (SELECT FROM feed_records
                WHERE provider = :provider AND created_at >= :start AND created_at < :end)
"""
_MARKS = "SELECT feed, watermark FROM feed_watermarks WHERE provider = :provider"
_FILE_CAME = """
SELECT EXISTS (SELECT FROM feed_files
                WHERE provider = :provider AND verdict <> 'quarantined'
                  AND (business_day = :day
                       OR (business_day IS NULL AND covers_from < :end AND covers_to >= :end)))
"""
_PUSHED = """
SELECT count(*) FROM deliveries
 WHERE provider = :provider AND verdict = 'recorded' AND ingested_at IS NULL
   AND parked_at IS NULL AND received_at < :ripe_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """A day of a provider that is looked at now.

    Attributes:
        ripe: it is over, and so is the time in which one side may still be late.
        ripe_at: when that is, or was.
        waits: why it is not closed although it is ripe: what its feeds have not told.
    """

    day: date
    ripe: bool
    ripe_at: datetime | None = None
    waits: tuple[str, ...] = ()

    @property
    def closes(self) -> bool:
        """Whether the run that looks at it signs it off."""
        return self.ripe and not self.waits


def days_of(
    connection: Connection, entry: ProviderSettings, now: datetime, *, patience: timedelta
) -> list[DueDay]:
    """Days that are not closed and hold anything, oldest first, with what they wait for.

    Args:
        connection: of the books.
        entry: the provider.
        now: the instant.
        patience: a day that waited so long for its feeds waits no more; nothing: for ever.
    """
    maturity = _maturity(connection, entry, now)
    known = due_days(connection, entry.slug, zone=entry.timezone, maturity=maturity, now=now)
    return [_with_waits(connection, entry, each, now, patience) for each in known]


def waiting_days(
    connection: Connection, settings: Settings, now: datetime
) -> dict[str, tuple[DueDay, ...]]:
    """By provider, the days that the schedule would close if the feeds had told their end."""
    if not settings.reconcile.every:
        return {}
    patience = settings.reconcile.close_unheard_after
    return {
        entry.slug: tuple(
            day for day in days_of(connection, entry, now, patience=patience) if day.waits
        )
        for entry in settings.providers
    }


def due_days(
    connection: Connection, provider: str, *, zone: str, maturity: timedelta, now: datetime
) -> list[DueDay]:
    """Days of a provider that are not closed and hold anything, oldest first.

    Those of the last ``LOOK_BACK_DAYS``, and every older one that a run has looked at: a day
    that waits is not forgotten by waiting.
    """
    closed = set(connection.execute(text(_CLOSED), {"provider": provider}).scalars())
    today = now.astimezone(ZoneInfo(zone)).date()
    recent = {today - timedelta(days=back) for back in range(LOOK_BACK_DAYS + 1)}
    found = []
    for day in sorted((recent | _looked_at(connection, provider, zone)) - closed):
        window = day_window(day, ZoneInfo(zone))
        said = {"provider": provider, "start": window.start, "end": window.end}
        if connection.execute(text(_ANYTHING), said).scalar_one():
            ripe_at = window.end + maturity
            found.append(DueDay(day=day, ripe=ripe_at <= now, ripe_at=ripe_at))
    return found


def _looked_at(connection: Connection, provider: str, zone: str) -> set[date]:
    """Days that are the whole window of a run."""
    found = set()
    for start, end in connection.execute(text(_LOOKED_AT), {"provider": provider}):
        day = start.astimezone(ZoneInfo(zone)).date()
        if day_window(day, ZoneInfo(zone)) == Window(start=start, end=end):
            found.add(day)
    return found


def _maturity(connection: Connection, entry: ProviderSettings, now: datetime) -> timedelta:
    held = maturity_for(connection, entry.slug, maturity_rules(entry), now)
    return max(each.age for each in held.by_kind.values())


def _with_waits(
    connection: Connection,
    entry: ProviderSettings,
    found: DueDay,
    now: datetime,
    patience: timedelta,
) -> DueDay:
    ripe_at = found.ripe_at
    if not found.ripe or ripe_at is None or (patience and now >= ripe_at + patience):
        return found
    waits = tuple(_waits(connection, entry, found.day, ripe_at))
    return DueDay(day=found.day, ripe=True, ripe_at=ripe_at, waits=waits)


def _waits(
    connection: Connection, entry: ProviderSettings, day: date, ripe_at: datetime
) -> Iterator[str]:
    if entry.feed.pull_every:
        yield from _unpulled(connection, entry, ripe_at)
    said = {
        "provider": entry.slug,
        "day": day,
        "end": day_window(day, ZoneInfo(entry.timezone)).end,
        "ripe_at": ripe_at,
    }
    if entry.statement.daily and not connection.execute(text(_FILE_CAME), said).scalar_one():
        yield f"no statement of {day} was taken in"
    pushed = connection.execute(text(_PUSHED), said).scalar_one()
    if pushed:
        yield f"pushed records that are not taken in yet: {pushed}"


def _unpulled(
    connection: Connection, entry: ProviderSettings, ripe_at: datetime
) -> Iterator[str]:
    rows = connection.execute(text(_MARKS), {"provider": entry.slug})
    marks = {row.feed: row.watermark for row in rows}
    for feed in pulled_feeds(entry.dialect):
        mark = marks.get(feed)
        if mark is None:
            yield f"feed {feed} was never read whole"
        elif mark < ripe_at:
            yield f"feed {feed} is read up to {_said(mark)}, not up to {_said(ripe_at)}"


def _said(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
