"""Feeds as metrics: how far they reach, when they were read, and their findings."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from feeds.freshness import freshness_of, is_stale
from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from ops.settings.sections.feed import pushes_history

_FINDINGS = """
SELECT provider, feed, kind, severity, count(*) FROM feed_findings
 WHERE resolved_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def feed_samples(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    """How late each feed is, and every open finding by kind."""
    for entry in settings.providers:
        pushes = pushes_history(entry.dialect)
        feeds = freshness_of(connection, entry.slug, now, pushes=pushes)
        for feed in feeds:
            late_s, read_s = feed.lateness(now).total_seconds(), _age_s(feed.read_at, now)
            yield sample("feed_late_seconds", entry.slug, feed.feed, value=late_s)
            yield sample("feed_read_age_seconds", entry.slug, feed.feed, value=read_s)
        if entry.feed.stale_after is not None:
            stale = is_stale([feed.lateness(now) for feed in feeds], entry.feed.stale_after)
            yield sample("feed_stale", entry.slug, value=int(stale))
    for *finding, count in connection.execute(text(_FINDINGS)):
        yield sample("feed_findings", *finding, value=count)


def _age_s(instant: datetime, now: datetime) -> float:
    return max((now - instant).total_seconds(), 0.0)
