"""Connections of one run that all see the same instant of the database.

Two plain ones hand out packed rows and few full ones, a side each. Two others hand out Arrow
tables of many: their driver asks the server for every type it knows before it answers, which
takes longer than a small run, so they are opened only when they are needed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import psycopg
from psycopg import Connection as Plain
from psycopg.rows import TupleRow

from vocabulary.errors import Unavailable

_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
# Both sides are read at once, a core each: more workers would only hand their strings of packed
# rows to each other.
_ALONE = "SET LOCAL max_parallel_workers_per_gather = 0"
_ZONE = "SET LOCAL TimeZone = 'UTC'"

Pair = tuple[adbc.Connection, adbc.Connection]


class SnapshotConnections:
    """The connections, ours first and the provider's second.

    Attributes:
        plain: for packed rows.
        snapshot: names the instant for other connections, while these are open.
    """

    def __init__(
        self, database_url: str, plain: tuple[Plain[TupleRow], Plain[TupleRow]], snapshot: str
    ) -> None:
        self.plain = plain
        self.snapshot = snapshot
        self._database_url = database_url
        self._tables: Pair | None = None

    @property
    def tables(self) -> Pair:
        """For Arrow tables.

        Raises:
            Unavailable: the database cannot be reached.
        """
        if self._tables is None:
            try:
                self._tables = _tables(self._database_url, self.snapshot)
            except adbc_driver_manager.OperationalError as error:
                raise Unavailable("the database cannot be reached") from error
        return self._tables

    def close(self) -> None:
        """Close what was opened for ``tables``."""
        for connection in self._tables or ():
            connection.close()


@contextmanager
def open_readers(database_url: str, snapshot: str | None) -> Iterator[SnapshotConnections]:
    """Connections that see one instant: now, or that of other readers, still open, by its name.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with ExitStack() as stack:
        try:
            with ThreadPoolExecutor(max_workers=2) as both:
                ours, theirs = both.map(
                    lambda url: stack.enter_context(psycopg.connect(url)), [database_url] * 2
                )
            told = _exported(ours) if snapshot is None else snapshot
            for connection in (ours, theirs) if snapshot else (theirs,):
                connection.execute(_INSTANT)
                connection.execute(f"SET TRANSACTION SNAPSHOT '{told}'".encode())
            for connection in (ours, theirs):
                connection.execute(_ALONE)
                connection.execute(_ZONE)
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error
        readers = SnapshotConnections(database_url, (ours, theirs), told)
        stack.callback(readers.close)
        yield readers


def _exported(connection: Plain[TupleRow]) -> str:
    connection.execute(_INSTANT)
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def _tables(database_url: str, snapshot: str) -> Pair:
    first = adbc.connect(database_url)
    # A clone knows the types already.
    pair = (first, first.adbc_clone())
    for connection in pair:
        with connection.cursor() as cursor:
            cursor.execute(_INSTANT)
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            cursor.execute(_ALONE)
    return pair
