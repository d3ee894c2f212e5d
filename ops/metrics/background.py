"""Pauses of background work as metrics: what the processes that run now say of themselves."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from ops.background.governor import PAUSED_NAME
from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from ops.work import Work

_PAUSED = """
SELECT split_part(application_name, ' ', 3) AS work,
       sum(CAST(split_part(application_name, ' ', 4) AS double precision)) AS paused_s
  FROM pg_stat_activity
 WHERE datname = current_database() AND starts_with(application_name, :name)
 GROUP BY work ORDER BY work
"""


def background_samples(
    connection: Connection, _settings: Settings, _now: datetime
) -> Iterator[Sample]:
    """How long the background work that runs now has paused."""
    rows = connection.execute(text(_PAUSED), {"name": f"{PAUSED_NAME} "})
    paused_s = {row.work: row.paused_s for row in rows}
    for work in Work:
        value = paused_s.get(work.value, 0.0)
        yield sample("background_paused_seconds", work.value, value=value)
