"""Rows of archives as PostgreSQL reads them again, as rows of their table."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_COLUMNS = """
SELECT attname::text FROM pg_attribute
 WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
   AND attgenerated = '' ORDER BY attnum
"""


def stored_columns(connection: Connection, table: str) -> list[str]:
    """The columns of a table in their order, without those that PostgreSQL computes."""
    return list(connection.execute(text(_COLUMNS), {"table": table}).scalars())


def as_json(value: Any) -> Any:
    """A value as PostgreSQL reads it from JSON."""
    match value:
        case bytes():
            return f"\\x{value.hex()}"
        case datetime():
            return value.isoformat()
        case _:
            return value
