"""How large the tables of the benchmark's books are, and what they grew by."""

import psycopg

_SIZE = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
#: Tables of which rows leave with archived months.
_LEAVING = (
    *("operations", "rounds", "entries", "deliveries", "batches", "feed_records"),
    *("feed_versions", "feed_superseded", "feed_file_records", "provider_deliveries"),
)
_TABLES_NAMED = 14


def table_sizes(database_url: str) -> dict[str, int]:
    """Bytes of each table with its indexes."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(_SIZE).fetchall())


def grown_by(before: dict[str, int], after: dict[str, int], callbacks: int) -> dict[str, float]:
    """What the largest tables grew by, in bytes a callback."""
    grown = {
        table: round((size - before.get(table, 0)) / callbacks, 1)
        for table, size in after.items()
        if callbacks
    }
    largest = sorted(grown, key=lambda table: -grown[table])[:_TABLES_NAMED]
    return {table: grown[table] for table in largest}


def table_rows(database_url: str) -> dict[str, int]:
    """How many rows each table has of which rows may leave."""
    with psycopg.connect(database_url) as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            for table in _LEAVING
        }
    return {table: row[0] for table, row in counts.items() if row is not None}
