"""Run a query on one connection of a snapshot and convert its result."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa
from psycopg import Connection, sql
from psycopg.rows import TupleRow, dict_row

from reconcile.snapshot.frames import Keys
from reconcile.snapshot.full_rows import table_from_rows
from reconcile.snapshot.key_rows import SplitRows, split_packed
from reconcile.snapshot.values import Value
from vocabulary.pacing import pause_point

Psycopg = Connection[TupleRow]


def read_strings(connection: Psycopg, query: str) -> Iterator[bytes]:
    """Yield the byte strings that a query selects, except nulls."""
    command = f"COPY ({query}) TO STDOUT (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(command.encode()) as copy:
        copy.set_types(["bytea"])
        for (value,) in copy.rows():
            if value is not None:
                yield value
                pause_point()


@contextmanager
def planned(connection: Psycopg, *, by_index: bool) -> Iterator[None]:
    """Plan the queries of the block without scans of whole tables, if ``by_index``.

    Nor by bitmaps: an index of block ranges would be read anew for each part of a span.
    """
    if by_index:
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
    yield
    if by_index:
        connection.execute("SET LOCAL enable_seqscan TO DEFAULT")
        connection.execute("SET LOCAL enable_bitmapscan TO DEFAULT")


def read_blocks(connection: Psycopg, query: str) -> list[SplitRows]:
    """Read the packed key rows that a query selects."""
    return list(map(split_packed, read_strings(connection, query)))


def table_blocks(table: pa.Table) -> list[SplitRows]:
    """Read packed key rows from the only column of a table."""
    return [split_packed(value.as_buffer()) for value in table.column(0).drop_null()]


def keys_literal(keys: Keys) -> sql.Composable:
    """Return keys or names as an array literal of SQL."""
    return sql.SQL("'{" + ",".join(map(str, keys.tolist())) + "}'")


def with_keys_beside(query: sql.Composed, keys: Keys) -> sql.Composed:
    """Return a query that reads its keys from ``residual``, with the keys as a value."""
    residual = sql.SQL("WITH residual AS (SELECT unnest({keys}::bigint[]) AS match_key)")
    return residual.format(keys=Value(keys.tolist())) + query


def with_keys(query: str, keys: Keys) -> str:
    """Inline the keys that a query reads from ``residual``."""
    literal = keys_literal(keys).as_string()
    return f"WITH residual AS (SELECT unnest({literal}::bigint[]) AS match_key) {query}"


def fetch(connection: adbc.Connection, query: str) -> pa.Table:
    """Run a query and return its result as an Arrow table."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def fetch_of_keys(connection: adbc.Connection, query: str, keys: Keys) -> pa.Table:
    """Run a query that reads its keys from ``residual``, a temporary table of them."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS residual")
        cursor.adbc_ingest(
            "residual", pa.table({"match_key": keys}), mode="create", temporary=True
        )
        # With an index, even a plan made from old statistics finds a key without a full scan.
        cursor.execute("CREATE INDEX ON residual (match_key)")
        cursor.execute("ANALYZE residual")
        # A nested loop over two sets takes their product, if old statistics take one for empty.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
    return table


def read_table(
    connection: Psycopg, query: str | bytes, values: Sequence[Any] | None = None
) -> pa.Table:
    """Read few full rows as the Arrow table that ADBC would return.

    ``values``: those of the placeholders of the query, if it has any.
    """
    cursor = connection.execute(_bytes(query), values)
    names = [column.name for column in cursor.description or ()]
    return table_from_rows(names, cursor.fetchall())


def read_dicts(
    connection: Psycopg, query: str | bytes, values: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries; ``values`` as of ``read_table``."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_bytes(query), values).fetchall()


def _bytes(query: str | bytes) -> bytes:
    return query if isinstance(query, bytes) else query.encode()


def read_count(connection: Psycopg, query: str) -> int:
    """Return the number that a query selects."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def estimate_rows(connection: Psycopg, query: str) -> int:
    """Return the planner's estimate of how many rows a query selects."""
    row = connection.execute(f"EXPLAIN (FORMAT json) {query}".encode()).fetchone()
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])


def distinct_integers(connection: Psycopg, query: str) -> Keys:
    """Return the distinct values of a query's only column, sorted."""
    rows = connection.execute(query.encode()).fetchall()
    return np.unique(np.array([row[0] for row in rows], dtype=np.int64))
