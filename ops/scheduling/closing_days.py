"""Which days of a provider are reconciled, and what a mature day waits for before it is closed.

A day is closed once its feeds could report all of it. For a feed that is pulled on a schedule,
a complete pull began after the day was mature. For a daily statement, the file of the day was
imported. For pushed history, no record that arrived by then waits to be stored. Silence proves
nothing: only a person, with a reason, closes a day that its feeds have not reported, or of
which we have rounds and the provider no record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from feeds.arrival_delay import longest_maturity
from ops.providers.maturity import maturity_rules
from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.feed import pulled_feeds
from vocabulary.window import Window, day_window

#: Days before today that are due although no run has reconciled them yet.
LOOK_BACK_DAYS = 7

_CLOSED = "SELECT business_day FROM day_closes WHERE provider = :provider"
_WINDOWS = "SELECT window_from, window_to FROM run_watermarks WHERE provider = :provider"
_HAS_ROWS = """
SELECT EXISTS (SELECT FROM rounds
                WHERE provider = :provider AND first_at >= :start AND first_at < :end)
    OR EXISTS (SELECT FROM feed_records
                WHERE provider = :provider AND created_at >= :start AND created_at < :end)
"""
_WATERMARKS = """
SELECT provider, feed, watermark FROM feed_watermarks
 WHERE provider = ANY(CAST(:providers AS text[]))
"""
_REPORTED = """
SELECT d.place,
       EXISTS (SELECT FROM feed_files f
                WHERE f.provider = d.provider AND f.verdict <> 'quarantined'
                  AND (f.business_day = d.day
                       OR (f.business_day IS NULL AND f.covers_from < d.end_at
                           AND f.covers_to >= d.end_at))) AS has_statement,
       (SELECT count(*) FROM deliveries e
         WHERE e.provider = d.provider AND e.verdict = 'recorded' AND e.ingested_at IS NULL
           AND e.parked_at IS NULL AND e.received_at < d.mature_at) AS pushed,
       EXISTS (SELECT FROM rounds r
                WHERE r.provider = d.provider AND r.first_at >= d.start_at
                  AND r.first_at < d.end_at) AS has_ours,
       EXISTS (SELECT FROM feed_records f
                WHERE f.provider = d.provider AND f.created_at >= d.start_at
                  AND f.created_at < d.end_at) AS has_theirs
  FROM unnest(CAST(:providers AS text[]), CAST(:days AS date[]),
              CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
              CAST(:mature AS timestamptz[]))
         WITH ORDINALITY AS d (provider, day, start_at, end_at, mature_at, place)
 ORDER BY d.place
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """A day of a provider that is to be reconciled.

    Attributes:
        is_mature: it is over, and so is the time in which one side may still be late.
        mature_at: when that is, or was.
        waits_for: what its feeds have not reported, although it is mature.
        needs_person: it has waited as long as the settings allow: a person closes it with a
            reason, or goes on waiting.
    """

    day: date
    is_mature: bool
    mature_at: datetime | None = None
    waits_for: tuple[str, ...] = ()
    needs_person: bool = False

    @property
    def closes(self) -> bool:
        """Whether the next run of the day closes it."""
        return self.is_mature and not self.waits_for


def due_days(
    connection: Connection, entry: ProviderSettings, now: datetime, *, patience: timedelta
) -> list[DueDay]:
    """Days with rows that are not closed, oldest first, with what they wait for.

    Args:
        connection: of the books.
        entry: the provider.
        now: the current instant.
        patience: how long a mature day waits for its feeds before a person is asked; zero: for
            ever.
    """
    longest = longest_maturity(connection, entry.slug, maturity_rules(entry), now)
    days = open_days(connection, entry.slug, zone=entry.timezone, maturity=longest, now=now)
    return [_with_waits(connection, entry, day, now, patience) for day in days]


def waiting_days(
    connection: Connection, settings: Settings, now: datetime
) -> dict[str, tuple[DueDay, ...]]:
    """By provider, the mature days that the schedule does not close because of their feeds."""
    if not settings.reconcile.every:
        return {}
    patience = settings.reconcile.close_unheard_after
    return {
        entry.slug: tuple(
            day for day in due_days(connection, entry, now, patience=patience) if day.waits_for
        )
        for entry in settings.providers
    }


def open_days(
    connection: Connection, provider: str, *, zone: str, maturity: timedelta, now: datetime
) -> list[DueDay]:
    """Days with rows that are not closed, oldest first: recent ones, and older reconciled ones.

    Every day that a run has reconciled stays due until it is closed, however long it waits.
    """
    closed = set(connection.execute(text(_CLOSED), {"provider": provider}).scalars())
    today = now.astimezone(ZoneInfo(zone)).date()
    recent = {today - timedelta(days=back) for back in range(LOOK_BACK_DAYS + 1)}
    days = []
    for day in sorted((recent | _reconciled(connection, provider, zone)) - closed):
        window = day_window(day, ZoneInfo(zone))
        parameters = {"provider": provider, "start": window.start, "end": window.end}
        if connection.execute(text(_HAS_ROWS), parameters).scalar_one():
            mature_at = window.end + maturity
            days.append(DueDay(day=day, is_mature=mature_at <= now, mature_at=mature_at))
    return days


def _reconciled(connection: Connection, provider: str, zone: str) -> set[date]:
    """Days that are the whole window of a run."""
    days = set()
    for start, end in connection.execute(text(_WINDOWS), {"provider": provider}):
        day = start.astimezone(ZoneInfo(zone)).date()
        if day_window(day, ZoneInfo(zone)) == Window(start=start, end=end):
            days.add(day)
    return days


def _with_waits(
    connection: Connection,
    entry: ProviderSettings,
    due: DueDay,
    now: datetime,
    patience: timedelta,
) -> DueDay:
    mature_at = due.mature_at
    if not due.is_mature or mature_at is None:
        return due
    missing = missing_from_feeds(connection, entry, due.day, mature_at)
    is_late = bool(patience) and now >= mature_at + patience
    return replace(due, waits_for=missing, needs_person=is_late and bool(missing))


def missing_from_feeds(
    connection: Connection, entry: ProviderSettings, day: date, mature_at: datetime
) -> tuple[str, ...]:
    """What the feeds of a provider have not reported of a day, in words."""
    return missing_by_day(connection, [(entry, day, mature_at)])[0]


def missing_by_day(
    connection: Connection, days: Sequence[tuple[ProviderSettings, date, datetime]]
) -> list[tuple[str, ...]]:
    """What the feeds of providers have not reported of days, each with when it is mature."""
    windows = [day_window(day, ZoneInfo(entry.timezone)) for entry, day, _ in days]
    params = {
        "providers": [entry.slug for entry, _, _ in days],
        "days": [day for _, day, _ in days],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
        "mature": [mature_at for _, _, mature_at in days],
    }
    watermarks = {
        (row.provider, row.feed): row.watermark
        for row in connection.execute(text(_WATERMARKS), params)
    }
    rows = connection.execute(text(_REPORTED), params).all()
    return [
        tuple(_missing(entry, day, mature_at, row, watermarks))
        for (entry, day, mature_at), row in zip(days, rows, strict=True)
    ]


def _missing(
    entry: ProviderSettings,
    day: date,
    mature_at: datetime,
    row: Row[Any],
    watermarks: Mapping[tuple[str, str], datetime | None],
) -> Iterator[str]:
    if entry.feed.pull_every:
        for feed in pulled_feeds(entry.dialect):
            watermark = watermarks.get((entry.slug, feed))
            if watermark is None:
                yield f"feed {feed} was never read whole"
            elif watermark < mature_at:
                reach, wanted = _text(watermark), _text(mature_at)
                yield f"feed {feed} is read up to {reach}, not up to {wanted}"
    if entry.statement.daily and not row.has_statement:
        yield f"no statement of {day} was taken in"
    if row.pushed:
        yield f"pushed records that are not taken in yet: {row.pushed}"
    if row.has_ours and not row.has_theirs:
        yield f"no record of {day} was received"


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
