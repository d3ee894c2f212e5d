"""How late each feed of a provider is, and from when on that counts as stale."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

# Files and watermarks are few; of records only the newest are read.
_READ = """
SELECT feed, max(covers_to) FILTER (WHERE verdict <> 'quarantined') AS watermark,
       max(received_at) AS read_at
  FROM feed_files WHERE provider = :provider GROUP BY feed
UNION ALL
SELECT feed, watermark, pulled_at FROM feed_watermarks WHERE provider = :provider
 ORDER BY feed
"""
_PUSHED = """
SELECT 'push' AS feed, max(created_at) AS watermark, max(received_at) AS read_at
  FROM feed_records
 WHERE provider = :provider AND source = 'push'
   AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
HAVING max(created_at) IS NOT NULL
"""
#: How far back the newest pushed record is searched, step by step; at last everywhere.
_STEPS = (timedelta(hours=1), timedelta(days=1), timedelta(days=31))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFreshness:
    """How far one feed reaches.

    Attributes:
        feed: its name; ``push``: history that the provider sends by itself.
        watermark: the provider's instant up to which history was read; None: not known.
        read_at: our instant of the last read.
    """

    feed: str
    watermark: datetime | None
    read_at: datetime

    def lateness(self, now: datetime) -> timedelta:
        """Time since the watermark; since the last read if the watermark is not known."""
        return max(now - (self.watermark or self.read_at), timedelta(0))


def freshness_of(
    connection: Connection, provider: str, now: datetime, *, pushes: bool
) -> tuple[FeedFreshness, ...]:
    """Every feed of a provider, by name.

    Args:
        connection: the database.
        provider: its slug.
        now: from where the newest pushed record is searched backwards.
        pushes: the provider sends its history by itself.
    """
    rows = connection.execute(text(_READ), {"provider": provider}).mappings()
    feeds = [FeedFreshness(**row) for row in rows]
    newest = _pushed(connection, provider, now) if pushes else None
    return tuple(feeds if newest is None else [*feeds, newest])


def is_stale(feeds: Collection[timedelta], stale_after: timedelta | None) -> bool:
    """Whether a provider should have delivered something newer.

    Args:
        feeds: how late each of its feeds is. A provider without any is stale.
        stale_after: longest time without anything newer; None: no limit.
    """
    return stale_after is not None and (not feeds or max(feeds) > stale_after)


def _pushed(connection: Connection, provider: str, now: datetime) -> FeedFreshness | None:
    """The pushed feed up to its newest record; None: nothing was ever pushed."""
    for since in (*(now - step for step in _STEPS), None):
        parameters = {"provider": provider, "since": since}
        row = connection.execute(text(_PUSHED), parameters).mappings().first()
        if row is not None:
            return FeedFreshness(**row)
    return None
