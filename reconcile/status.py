"""How far the providers' history reaches, as taken in so far."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_STATUS = """
SELECT provider, sum(records)::bigint AS records, max(created_at) AS newest_created_at,
       max(updated_at) AS newest_updated_at, sum(pending)::bigint AS pending
  FROM (SELECT provider, count(*) AS records, max(created_at) AS created_at,
               max(updated_at) AS updated_at, 0 AS pending
          FROM feed_records GROUP BY provider
        UNION ALL
        SELECT provider, 0, NULL, NULL, count(*)
          FROM deliveries
         WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
         GROUP BY provider) AS counted
 GROUP BY provider ORDER BY provider
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """One provider's history as we hold it.

    Attributes:
        records: current records.
        newest_created_at, newest_updated_at: the provider's instants; None without records.
        pending: history deliveries received but not taken in yet.
    """

    provider: str
    records: int
    newest_created_at: datetime | None
    newest_updated_at: datetime | None
    pending: int


def feed_status(connection: Connection) -> tuple[FeedStatus, ...]:
    """The status of every provider that has sent any history, by slug."""
    return tuple(
        FeedStatus(
            provider=row.provider,
            records=row.records,
            newest_created_at=row.newest_created_at,
            newest_updated_at=row.newest_updated_at,
            pending=row.pending,
        )
        for row in connection.execute(text(_STATUS))
    )
