"""Feeds as metrics: how late they are, when they were read, open findings."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from ops.metrics.catalogue import Sample, sample
from ops.settings.model import ProviderSettings, Settings
from providers.registry import DIALECTS

# Files and watermarks are few; of records only the newest are read.
_READ = """
SELECT provider, feed, max(covers_to) FILTER (WHERE verdict <> 'quarantined') AS watermark,
       max(received_at) AS read_at
  FROM feed_files GROUP BY provider, feed
UNION ALL
SELECT provider, feed, watermark, pulled_at FROM feed_watermarks
 ORDER BY 1, 2
"""
_PUSHED = """
SELECT max(created_at), max(received_at) FROM feed_records
 WHERE provider = :provider AND source = 'push'
   AND (cast(:since AS timestamptz) IS NULL OR created_at >= :since)
"""
_FINDINGS = """
SELECT provider, feed, kind, severity, count(*) FROM feed_findings
 WHERE resolved_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
#: How far back the newest pushed record is searched, step by step; the last step is unbounded.
_STEPS = (timedelta(hours=1), timedelta(days=1), timedelta(days=31))

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
            limit_s = entry.feed.stale_after.total_seconds()
            late = [ages[0] for (slug, _), ages in reach.items() if slug == entry.slug]
            is_stale = not late or max(late) > limit_s
            yield sample("feed_stale", entry.slug, value=int(is_stale))
    for *labels_, count in connection.execute(text(_FINDINGS)):
        yield sample("feed_findings", *labels_, value=count)


def _reach(connection: Connection, settings: Settings, now: datetime) -> Reach:
    reach: Reach = {}
    for provider, feed, watermark, read_at in connection.execute(text(_READ)):
        reach[provider, feed] = (_age_s(watermark or read_at, now), _age_s(read_at, now))
    for entry in settings.providers:
        newest = _pushed(connection, entry, now)
        if newest is not None:
            reach[entry.slug, "push"] = (_age_s(newest[0], now), _age_s(newest[1], now))
    return reach


def _pushed(
    connection: Connection, entry: ProviderSettings, now: datetime
) -> tuple[datetime, datetime] | None:
    """The creation of the newest pushed record and the latest arrival; None without any."""
    if DIALECTS[entry.dialect].read_statement is not None:
        return None  # its history comes as statements
    for since in (*(now - step for step in _STEPS), None):
        parameters = {"provider": entry.slug, "since": since}
        created_at, received_at = connection.execute(text(_PUSHED), parameters).one()
        if created_at is not None:
            return created_at, received_at
    return None


def _age_s(instant: datetime, now: datetime) -> float:
    return max((now - instant).total_seconds(), 0.0)
