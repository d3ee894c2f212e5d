"""Read what PostgreSQL says about archiving; ``pg_stat_archiver`` and settings."""

from sqlalchemy import Connection, text

from ops.backups.model import ArchiverState

_STATE = """
SELECT current_setting('archive_mode') AS mode,
       pg_size_bytes(current_setting('wal_segment_size')) AS segment_bytes,
       nullif(last_archived_wal, '') AS last_segment, last_archived_time AS archived_at,
       nullif(last_failed_wal, '') AS failed_segment, last_failed_time AS failed_at
  FROM pg_stat_archiver
"""


def read_archiver(connection: Connection) -> ArchiverState:
    """The state of the archiver."""
    return ArchiverState(**connection.execute(text(_STATE)).mappings().one())
