"""How far the feeds reach, and what of a window nobody has read.

People and metrics ask for the health of every feed. A run asks what it had to do without: files
in quarantine, unreadable lines, gaps, silent feeds. It completes all the same and reports them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from feeds.findings import FeedFinding, FindingKind, Severity, findings, open_findings
from vocabulary.window import Window

#: A feed told nothing newer for longer than its settings allow.
STALE = "stale_feed"
#: Kinds after which everything was read all the same.
_READ = frozenset({FindingKind.RESTATED_AFTER_CLOSE, FindingKind.WITHDRAWN_RECORD})
_REACH = """
SELECT 'push' AS feed, (SELECT max(created_at) FROM feed_records
                         WHERE provider = :provider AND source = 'push') AS watermark
UNION ALL
SELECT feed, max(covers_to) FILTER (WHERE verdict <> 'quarantined')
  FROM feed_files WHERE provider = :provider GROUP BY feed
UNION ALL
SELECT feed, watermark FROM feed_marks WHERE provider = :provider
 ORDER BY feed
"""


_STATUS = """
SELECT provider, sum(records)::bigint AS records, sum(versions)::bigint AS versions,
       max(created_at) AS newest_created_at,
       max(updated_at) AS newest_updated_at, sum(pending)::bigint AS pending
  FROM (SELECT provider, count(*) AS records, 0 AS versions, max(created_at) AS created_at,
               max(updated_at) AS updated_at, 0 AS pending
          FROM feed_records GROUP BY provider
        UNION ALL
        SELECT provider, 0, count(*), NULL, NULL, 0 FROM feed_versions GROUP BY provider
        UNION ALL
        SELECT provider, 0, 0, NULL, NULL, count(*)
          FROM deliveries
         WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
         GROUP BY provider) AS counted
 GROUP BY provider ORDER BY provider
"""
# What is pushed was told up to its newest record; a file up to its own; a pull up to its mark.
_FEEDS = """
SELECT provider, 'push' AS feed, max(created_at) AS watermark, max(received_at) AS read_at,
       count(*) AS arrivals, 0::bigint AS quarantined
  FROM feed_records WHERE source = 'push' GROUP BY provider
UNION ALL
SELECT provider, feed, max(covers_to) FILTER (WHERE verdict <> 'quarantined'),
       max(received_at), count(*), count(*) FILTER (WHERE verdict = 'quarantined')
  FROM feed_files GROUP BY provider, feed
UNION ALL
SELECT m.provider, m.feed, m.watermark, m.pulled_at,
       (SELECT count(*) FROM feed_pulls p
         WHERE p.provider = m.provider AND p.feed = m.feed), 0
  FROM feed_marks m
 ORDER BY provider, feed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """One provider's history as we hold it.

    Attributes:
        records: current records.
        versions: everything ever told, word for word.
        newest_created_at, newest_updated_at: the provider's instants; None without records.
        pending: history deliveries received but not taken in yet.
    """

    provider: str
    records: int
    versions: int
    newest_created_at: datetime | None
    newest_updated_at: datetime | None
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReach:
    """How far one feed of a provider reaches.

    Attributes:
        watermark: the provider's instant up to which it was told; None: not known.
        read_at: our instant of the last time.
        arrivals: records pushed, files, or pulls that were stored.
        quarantined: files that were kept and not taken in.
    """

    provider: str
    feed: str
    watermark: datetime | None
    read_at: datetime
    arrivals: int
    quarantined: int

    def lateness(self, now: datetime) -> timedelta:
        """How long nothing newer was told; since it was read, where nobody knows."""
        return max(now - (self.watermark or self.read_at), timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """Everything of one provider's feeds.

    Attributes:
        feeds: by name.
        open: findings that stand, of every feed and of closed days.
        stale_after: nothing newer for longer is a finding; None: never.
    """

    status: FeedStatus
    feeds: tuple[FeedReach, ...]
    open: tuple[FeedFinding, ...]
    stale_after: timedelta | None

    def count(self, severity: Severity, feed: str | None = None) -> int:
        """Findings of a severity, of one feed or of all."""
        return sum(
            each.severity is severity and feed in {None, each.feed} for each in self.open
        )

    def gaps(self, feed: str) -> int:
        """Holes in one feed."""
        return sum(
            each.kind is FindingKind.FEED_GAP and each.feed == feed for each in self.open
        )

    def is_stale(self, now: datetime) -> bool:
        """Whether something newer should have been told; no feed at all told nothing."""
        if self.stale_after is None:
            return False
        return not self.feeds or any(
            each.lateness(now) > self.stale_after for each in self.feeds
        )

    def is_well(self, now: datetime) -> bool:
        """Whether nobody has to look."""
        return not self.is_stale(now) and self.count(Severity.ERROR) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something of the window that nobody has read.

    Attributes:
        kind: of the finding, or ``STALE``.
        count: how often: lines of one file are told together.
        covers: the time it speaks of; None: not known.
    """

    kind: str
    feed: str
    file: str | None
    detail: str
    count: int
    covers: Window | None

    def to_json(self) -> dict[str, Any]:
        """As the interface prints it."""
        return {
            "kind": self.kind,
            "feed": self.feed,
            "file": self.file,
            "detail": self.detail,
            "count": self.count,
            "from": self.covers and self.covers.start.isoformat(),
            "to": self.covers and self.covers.end.isoformat(),
        }


def feed_status(connection: Connection) -> tuple[FeedStatus, ...]:
    """The status of every provider that has sent any history, by slug."""
    rows = connection.execute(text(_STATUS)).mappings()
    return tuple(FeedStatus(**row) for row in rows)


def feed_health(
    connection: Connection,
    slugs: Iterable[str],
    *,
    stale_after: Mapping[str, timedelta | None],
) -> tuple[FeedHealth, ...]:
    """Everything of these providers and of every other that has told anything, by slug."""
    known = {each.provider: each for each in feed_status(connection)}
    feeds = [FeedReach(**row) for row in connection.execute(text(_FEEDS)).mappings()]
    found = open_findings(connection)
    heard = {each.provider for each in feeds} | {each.provider for each in found}
    return tuple(
        FeedHealth(
            status=known.get(slug) or _silent(slug),
            feeds=_of(slug, feeds),
            open=tuple(each for each in found if each.provider == slug),
            stale_after=stale_after.get(slug),
        )
        for slug in sorted({*slugs, *known, *heard})
    )


def unread(
    connection: Connection,
    provider: str,
    window: Window,
    now: datetime,
    *,
    stale_after: timedelta | None,
) -> tuple[Unread, ...]:
    """What a run over the window did not read, in a fixed order.

    ``stale_after`` is how long a feed may tell nothing newer; None: however long.
    """
    found = list(_gathered(findings(connection, provider, window)))
    if stale_after is not None:
        found += _stale(connection, provider, window, now, stale_after)
    return tuple(found)


def _of(slug: str, feeds: Sequence[FeedReach]) -> tuple[FeedReach, ...]:
    return tuple(each for each in feeds if each.provider == slug)


def _silent(slug: str) -> FeedStatus:
    return FeedStatus(
        provider=slug,
        records=0,
        versions=0,
        newest_created_at=None,
        newest_updated_at=None,
        pending=0,
    )


def _gathered(told: Iterable[FeedFinding]) -> Iterator[Unread]:
    """Findings of one kind and file told once, by the first of them."""
    files: dict[tuple[str, str, str | None], list[FeedFinding]] = {}
    for each in told:
        if each.severity is Severity.ERROR and each.kind not in _READ:
            where = each.file if each.file is not None else each.record_id
            files.setdefault((str(each.kind), each.feed, where), []).append(each)
    for (kind, feed, _), some in files.items():
        first = some[0]
        yield Unread(
            kind=kind,
            feed=feed,
            file=first.file,
            detail=first.detail,
            count=len(some),
            covers=first.covers if len(some) == 1 else None,
        )


def _stale(
    connection: Connection,
    provider: str,
    window: Window,
    now: datetime,
    stale_after: timedelta,
) -> Iterator[Unread]:
    expected = min(now, window.end) - stale_after
    rows = list(connection.execute(text(_REACH), {"provider": provider}))
    reached = {row.feed: row.watermark for row in rows if row.watermark is not None}
    if not reached:
        yield Unread(
            kind=STALE,
            feed="",
            file=None,
            detail="nothing was ever told",
            count=1,
            covers=window,
        )
    for feed, watermark in reached.items():
        if watermark < expected:
            yield Unread(
                kind=STALE,
                feed=feed,
                file=None,
                detail=f"tells nothing after {watermark.isoformat()}",
                count=1,
                covers=Window(start=max(watermark, window.start), end=window.end),
            )
