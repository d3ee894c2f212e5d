"""Reclaim the space of rows that left a table, so that later rows use it."""

from sqlalchemy import Engine

from storage.transactions import outages


def vacuum(owner: Engine, table: str) -> None:
    """Reclaim the space of a table and renew its statistics.

    Raises:
        Unavailable: the database is out of reach.
    """
    with (
        outages("archive"),
        owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")
