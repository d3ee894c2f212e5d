"""What a run did not read: what its feeds could not tell, and what they have not told yet.

A run completes whatever its feeds are like, and says what it had to do without: files that were
put aside or end too early, lines that could not be read, holes, and feeds that fell silent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from feeds.findings import FeedFinding, FindingKind, Severity, findings
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
SELECT feed, watermark FROM feed_watermarks WHERE provider = :provider
 ORDER BY feed
"""


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
