"""Runs and days as metrics: the last run of each provider, and its unclosed days."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from ops.metrics.catalogue import Sample, sample
from ops.scheduling.closing_days import days_of
from ops.settings.model import Settings

_LAST = """
SELECT p.provider, extract(epoch FROM :now - r.finished_at)::float8 AS age_s,
       extract(epoch FROM r.finished_at - r.started_at)::float8 AS duration_s,
       (r.result -> 'ours' ->> 'rows')::bigint AS ours,
       (r.result -> 'theirs' ->> 'rows')::bigint AS theirs,
       (r.manifest ->> 'breaks')::bigint AS breaks
  FROM unnest(cast(:providers AS text[])) AS p (provider)
 CROSS JOIN LATERAL (SELECT * FROM runs
                      WHERE runs.provider = p.provider
                      ORDER BY finished_at DESC, run_id LIMIT 1) AS r
"""


def run_samples(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    """The last run of each provider, and its unclosed days if a schedule closes days."""
    parameters = {"now": now, "providers": [entry.slug for entry in settings.providers]}
    for row in connection.execute(text(_LAST), parameters):
        slug = row.provider
        yield sample("run_age_seconds", slug, value=max(row.age_s, 0.0))
        yield sample("run_duration_seconds", slug, value=max(row.duration_s, 0.0))
        yield sample("run_rows", slug, "ours", value=row.ours)
        yield sample("run_rows", slug, "theirs", value=row.theirs)
        yield sample("run_breaks", slug, value=row.breaks)
        yield sample("run_exit_code", slug, value=int(row.breaks > 0))
    if settings.reconcile.every:
        yield from _days(connection, settings, now)


def _days(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    patience = settings.reconcile.close_unheard_after
    for entry in settings.providers:
        mature = [day for day in days_of(connection, entry, now, patience=patience) if day.ripe]
        since = min((day.ripe_at for day in mature if day.ripe_at is not None), default=now)
        oldest_s = (now - since).total_seconds()
        waiting = sum(bool(day.waits) for day in mature)
        yield sample("days_unclosed", entry.slug, value=len(mature))
        yield sample("days_waiting", entry.slug, value=waiting)
        yield sample("day_unclosed_seconds", entry.slug, value=oldest_s)
