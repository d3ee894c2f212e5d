"""The feeds of providers at a glance, from small tables and indexes only: for pages."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from feeds.findings import Severity
from feeds.freshness import FeedFreshness, freshness_of, is_stale

_FILES = """
SELECT count(*) AS files, count(*) FILTER (WHERE verdict = 'quarantined') AS quarantined,
       max(received_at) AS received_at,
       max(covers_to) FILTER (WHERE verdict <> 'quarantined') AS covers_to
  FROM feed_files WHERE provider = :provider
"""
_PULLS = """
SELECT feed, watermark, pulled_at, records FROM feed_watermarks
 WHERE provider = :provider ORDER BY feed
"""
_PENDING = """
SELECT count(*) FROM deliveries
 WHERE provider = :provider AND verdict = 'recorded' AND ingested_at IS NULL
   AND parked_at IS NULL
"""
_PULL_COUNT = "SELECT count(*) FROM feed_pulls WHERE provider = :provider"
_COUNTS = """
SELECT severity, count(*) AS findings FROM feed_findings
 WHERE provider = :provider AND resolved_at IS NULL GROUP BY severity
"""
_LAST_FILES = """
SELECT file_id, name, size, received_at, business_day, covers_from, covers_to, verdict, records,
       refused, replaced_by
  FROM feed_files
 WHERE provider = :provider AND (CAST(:before AS bigint) IS NULL OR file_id < :before)
 ORDER BY file_id DESC LIMIT :most
"""
_LAST_PULLS = """
SELECT pull_id, feed, window_from, window_to, whole, received, stored, unreadable, pulled_at
  FROM feed_pulls
 WHERE provider = :provider AND (CAST(:before AS bigint) IS NULL OR pull_id < :before)
 ORDER BY pull_id DESC LIMIT :most
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledFeed:
    """A feed that is pulled; before ``watermark`` everything is stored."""

    feed: str
    watermark: datetime | None
    pulled_at: datetime
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFeeds:
    """How the feeds of a provider stand.

    Attributes:
        files, quarantined: statement files that were kept, and those not imported.
        received_at: when the last file arrived.
        covers_to: up to when the imported files reach.
        freshness: how far each feed reaches.
        pending: pushed records that are not taken in yet.
        errors, warnings: open findings.
    """

    provider: str
    files: int
    quarantined: int
    received_at: datetime | None
    covers_to: datetime | None
    freshness: tuple[FeedFreshness, ...]
    pulls: tuple[PulledFeed, ...]
    pending: int
    errors: int
    warnings: int

    def reach(self) -> datetime | None:
        """Up to when the slowest feed reaches; None: not known."""
        marks = [feed.watermark for feed in self.freshness]
        reached = [mark for mark in marks if mark is not None]
        return min(reached) if reached and len(reached) == len(marks) else None

    def lateness(self, now: datetime) -> timedelta | None:
        """How late the slowest feed is; None: the provider has no feed yet."""
        return max((feed.lateness(now) for feed in self.freshness), default=None)

    def is_stale(self, now: datetime, stale_after: timedelta | None) -> bool:
        """Whether a feed should have delivered something newer."""
        return is_stale([feed.lateness(now) for feed in self.freshness], stale_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStatement:
    """A kept statement file."""

    file_id: int
    name: str
    size: int
    received_at: datetime
    business_day: date | None
    covers_from: datetime | None
    covers_to: datetime | None
    verdict: str
    records: int
    refused: int
    replaced_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRecord:
    """A pull that was stored."""

    pull_id: int
    feed: str
    window_from: datetime
    window_to: datetime
    whole: bool
    received: int
    stored: int
    unreadable: int
    pulled_at: datetime


def feeds_of(
    connection: Connection, provider: str, now: datetime, *, pushes: bool
) -> ProviderFeeds:
    """How the feeds of one provider stand; ``pushes``: it sends its history by itself."""
    params = {"provider": provider}
    files = connection.execute(text(_FILES), params).one()
    counts = {row.severity: row.findings for row in connection.execute(text(_COUNTS), params)}
    return ProviderFeeds(
        provider=provider,
        files=files.files,
        quarantined=files.quarantined,
        received_at=files.received_at,
        covers_to=files.covers_to,
        freshness=freshness_of(connection, provider, now, pushes=pushes),
        pulls=tuple(
            PulledFeed(**row) for row in connection.execute(text(_PULLS), params).mappings()
        ),
        pending=connection.execute(text(_PENDING), params).scalar_one(),
        errors=counts.get(Severity.ERROR, 0),
        warnings=counts.get(Severity.WARNING, 0),
    )


def last_files(
    connection: Connection, provider: str, *, most: int, before: int | None = None
) -> list[ListedStatement]:
    """The statement files that arrived last, or before one of them; the newest first."""
    params = {"provider": provider, "most": most, "before": before}
    rows = connection.execute(text(_LAST_FILES), params)
    return [ListedStatement(**row) for row in rows.mappings()]


def count_pulls(connection: Connection, provider: str) -> int:
    """How many pulls of a provider are stored."""
    return int(connection.execute(text(_PULL_COUNT), {"provider": provider}).scalar_one())


def last_pulls(
    connection: Connection, provider: str, *, most: int, before: int | None = None
) -> list[PullRecord]:
    """The last stored pulls, or those before one of them; the newest first."""
    params = {"provider": provider, "most": most, "before": before}
    rows = connection.execute(text(_LAST_PULLS), params)
    return [PullRecord(**row) for row in rows.mappings()]
