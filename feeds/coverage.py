"""How far the feeds reach, and what of a window nobody has read.

People and metrics ask for the health of every feed. A run asks what it had to do without: files
in quarantine, unreadable lines, gaps, silent feeds. It completes all the same and reports them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from feeds.finding_kinds import FindingKind
from feeds.findings import FeedFinding, Severity, findings_in, open_findings
from feeds.freshness import FeedFreshness, is_stale
from vocabulary.window import Window

#: The kind of ``Unread`` for a feed that delivered nothing newer for longer than allowed.
STALE = "stale_feed"
#: Kinds of findings about records that were all read.
_READ = frozenset({FindingKind.RESTATED_AFTER_CLOSE, FindingKind.WITHDRAWN_RECORD})
# Pushed history reaches up to its newest record, a file up to its own, a pull up to its mark.
_WATERMARKS = """
SELECT 'push' AS feed, (SELECT max(created_at) FROM feed_records
                         WHERE provider = :provider AND source = 'push') AS watermark
UNION ALL
SELECT feed, max(covers_to) FILTER (WHERE verdict <> 'quarantined')
  FROM feed_files WHERE provider = :provider GROUP BY feed
UNION ALL
SELECT feed, watermark FROM feed_watermarks WHERE provider = :provider
 ORDER BY feed
"""


_STORED = """
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
  FROM feed_watermarks m
 ORDER BY provider, feed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHistory:
    """One provider's history as it is stored.

    Attributes:
        records: current records.
        versions: every version ever received.
        newest_created_at, newest_updated_at: the provider's instants; None without records.
        pending: history deliveries received but not stored as records yet.
    """

    provider: str
    records: int
    versions: int
    newest_created_at: datetime | None
    newest_updated_at: datetime | None
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReach(FeedFreshness):
    """How far one feed of a provider reaches, and what it brought.

    Attributes:
        arrivals: pushed records, files or pulls that were stored.
        quarantined: files that were kept and not imported.
    """

    provider: str
    arrivals: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """The state of one provider's feeds.

    Attributes:
        feeds: by name.
        findings: open ones, of every feed and of closed days.
        stale_after: longest time without anything newer; None: no limit.
    """

    history: StoredHistory
    feeds: tuple[FeedReach, ...]
    findings: tuple[FeedFinding, ...]
    stale_after: timedelta | None

    def count(self, severity: Severity, feed: str | None = None) -> int:
        """The number of open findings of a severity, of one feed or of all."""
        return sum(
            finding.severity is severity and feed in {None, finding.feed}
            for finding in self.findings
        )

    def gaps(self, feed: str) -> int:
        """The number of gaps in one feed."""
        return sum(
            finding.kind is FindingKind.FEED_GAP and finding.feed == feed
            for finding in self.findings
        )

    def is_stale(self, now: datetime) -> bool:
        """Whether any feed should have delivered something newer; no feed at all is stale."""
        return is_stale([feed.lateness(now) for feed in self.feeds], self.stale_after)

    def is_well(self, now: datetime) -> bool:
        """Whether nobody has to act."""
        return not self.is_stale(now) and self.count(Severity.ERROR) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something of a window that nobody has read.

    Attributes:
        kind: of the finding, or ``STALE``.
        count: the number of findings; those of one file are reported together.
        covers: the time it is about; None: not known.
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


def feed_health(
    connection: Connection,
    slugs: Iterable[str],
    *,
    stale_after: Mapping[str, timedelta | None],
) -> tuple[FeedHealth, ...]:
    """The health of these providers and of every other that has any history, by slug."""
    rows = connection.execute(text(_STORED)).mappings()
    histories = {row["provider"]: StoredHistory(**row) for row in rows}
    feeds = [FeedReach(**row) for row in connection.execute(text(_FEEDS)).mappings()]
    findings = open_findings(connection)
    providers = {
        *slugs,
        *histories,
        *(feed.provider for feed in feeds),
        *(finding.provider for finding in findings),
    }
    return tuple(
        FeedHealth(
            history=histories.get(slug) or _empty_history(slug),
            feeds=tuple(feed for feed in feeds if feed.provider == slug),
            findings=tuple(finding for finding in findings if finding.provider == slug),
            stale_after=stale_after.get(slug),
        )
        for slug in sorted(providers)
    )


def list_unread(
    connection: Connection,
    provider: str,
    window: Window,
    now: datetime,
    *,
    stale_after: timedelta | None,
) -> tuple[Unread, ...]:
    """What a run over the window could not read, in a fixed order.

    ``stale_after`` is the longest time without anything newer; None: no limit.
    """
    unread = list(_unread_findings(findings_in(connection, provider, window)))
    if stale_after is not None:
        unread += _stale_feeds(connection, provider, window, now, stale_after)
    return tuple(unread)


def _empty_history(slug: str) -> StoredHistory:
    return StoredHistory(
        provider=slug,
        records=0,
        versions=0,
        newest_created_at=None,
        newest_updated_at=None,
        pending=0,
    )


def _unread_findings(findings: Iterable[FeedFinding]) -> Iterator[Unread]:
    """One entry for all findings of a kind and file, with the detail of the first."""
    by_cause: dict[tuple[str, str, str | None], list[FeedFinding]] = {}
    for finding in findings:
        if finding.severity is Severity.ERROR and finding.kind not in _READ:
            place = finding.file if finding.file is not None else finding.record_id
            by_cause.setdefault((str(finding.kind), finding.feed, place), []).append(finding)
    for (kind, feed, _), alike in by_cause.items():
        first = alike[0]
        yield Unread(
            kind=kind,
            feed=feed,
            file=first.file,
            detail=first.detail,
            count=len(alike),
            covers=first.covers if len(alike) == 1 else None,
        )


def _stale_feeds(
    connection: Connection,
    provider: str,
    window: Window,
    now: datetime,
    stale_after: timedelta,
) -> Iterator[Unread]:
    expected = min(now, window.end) - stale_after
    rows = connection.execute(text(_WATERMARKS), {"provider": provider})
    watermarks = {row.feed: row.watermark for row in rows if row.watermark is not None}
    if not watermarks:
        yield _stale("", "no feed has delivered anything", window)
    for feed, watermark in watermarks.items():
        if watermark < expected:
            covers = Window(start=max(watermark, window.start), end=window.end)
            yield _stale(feed, f"delivered nothing after {watermark.isoformat()}", covers)


def _stale(feed: str, detail: str, covers: Window) -> Unread:
    return Unread(kind=STALE, feed=feed, file=None, detail=detail, count=1, covers=covers)
