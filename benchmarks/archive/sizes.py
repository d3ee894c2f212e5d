"""How large the tables of the benchmark's books are, and what they grew by."""

import psycopg

_SIZE = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
_TABLES_NAMED = 6


def table_sizes(database_url: str) -> dict[str, int]:
    """Bytes of each table with its indexes."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(_SIZE).fetchall())


def grown_by(before: dict[str, int], after: dict[str, int], callbacks: int) -> dict[str, int]:
    """What the largest tables grew by, in bytes a callback."""
    grown = {
        table: round((size - before.get(table, 0)) / callbacks)
        for table, size in after.items()
        if callbacks
    }
    largest = sorted(grown, key=lambda table: -grown[table])[:_TABLES_NAMED]
    return {table: grown[table] for table in largest}
