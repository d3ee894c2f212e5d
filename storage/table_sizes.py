"""How large the tables are, and how large they were: one row for each table and day.

Tables written: ``table_sizes``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, text

from storage.transactions import transaction

#: How long measured sizes are kept.
KEPT = timedelta(days=800)

_SIZES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid)::bigint AS bytes
  FROM pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm')
"""
_BY_ROOT = """
SELECT root.relname AS name, sum(pg_total_relation_size(c.oid))::bigint AS bytes
  FROM pg_class c JOIN pg_class root ON root.oid = coalesce(pg_partition_root(c.oid), c.oid)
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm')
 GROUP BY root.relname
"""
_MEASURE = f"""
INSERT INTO table_sizes (day, name, bytes) SELECT :today, name, bytes FROM ({_SIZES}) s
ON CONFLICT (day, name) DO UPDATE SET bytes = EXCLUDED.bytes
"""  # noqa: S608 - constants of this module
_FORGET = "DELETE FROM table_sizes WHERE day < :before"
_DATABASE = "SELECT pg_database_size(current_database())"
# The newest day that is at least a day old; of several, the one closest to a month ago.
_BEFORE = """
SELECT day, name, bytes FROM table_sizes
 WHERE day = (SELECT day FROM table_sizes WHERE day < :today
               GROUP BY day ORDER BY abs(day - (CAST(:today AS date) - 30)), day LIMIT 1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSizes:
    """Bytes now and before.

    Attributes:
        tables: by name, with indexes.
        before: the same on the day ``measured_on``.
        measured_on: the measured day closest to a month ago; None: there is none before today.
    """

    database: int
    tables: Mapping[str, int]
    measured_on: date | None
    before: Mapping[str, int]


def measure_sizes(engine: Engine, today: date) -> None:
    """Keep today's sizes.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "table sizes") as connection:
        connection.execute(text(_MEASURE), {"today": today})
        connection.execute(text(_FORGET), {"before": today - KEPT})


def database_bytes(connection: Connection) -> int:
    """The size of the whole database."""
    return int(connection.execute(text(_DATABASE)).scalar_one())


def table_bytes(connection: Connection) -> dict[str, int]:
    """The size of each table with its indexes; partitions count to their table."""
    return {row.name: row.bytes for row in connection.execute(text(_BY_ROOT))}


def read_sizes(connection: Connection, today: date) -> MeasuredSizes:
    """Sizes now, and those of about a month ago."""
    rows = connection.execute(text(_BEFORE), {"today": today}).all()
    return MeasuredSizes(
        database=database_bytes(connection),
        tables={row.name: row.bytes for row in connection.execute(text(_SIZES))},
        measured_on=rows[0].day if rows else None,
        before={row.name: row.bytes for row in rows},
    )
