"""Feeds as metrics: how far they reach, when they were read, and their findings."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from feeds.freshness import freshness_of, is_stale
from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from ops.settings.sections.feed import pushes_history

_FINDINGS = """
SELECT provider, feed, kind, severity, count(*) FROM feed_findings
 WHERE resolved_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
#: (provider, feed) to (how late it is, how long ago it was read), in seconds.
Reach = dict[tuple[str, str], tuple[float, float]]


def feed_samples(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    """How late each feed is, and every open finding by kind."""
    reach = _reach(connection, settings, now)
    for labels, (late_s, read_s) in reach.items():
        yield sample("feed_late_seconds", *labels, value=late_s)
        yield sample("feed_read_age_seconds", *labels, value=read_s)
    for entry in settings.providers:
        if entry.feed.stale_after is not None:
            lateness = [
                timedelta(seconds=late_s)
                for (slug, _), (late_s, _) in reach.items()
                if slug == entry.slug
            ]
            value = int(is_stale(lateness, entry.feed.stale_after))
            yield sample("feed_stale", entry.slug, value=value)
    for *finding, count in connection.execute(text(_FINDINGS)):
        yield sample("feed_findings", *finding, value=count)


def _reach(connection: Connection, settings: Settings, now: datetime) -> Reach:
    reach: Reach = {}
    for entry in settings.providers:
        pushes = pushes_history(entry.dialect)
        for feed in freshness_of(connection, entry.slug, now, pushes=pushes):
            late_s = feed.lateness(now).total_seconds()
            reach[entry.slug, feed.feed] = (late_s, _age_s(feed.read_at, now))
    return reach


def _age_s(instant: datetime, now: datetime) -> float:
    return max((now - instant).total_seconds(), 0.0)
