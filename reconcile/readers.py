"""Connections of one run that all see the same instant of the database.

Two plain ones hand out packed rows, a side each. Two others hand out Arrow tables; their driver
asks the server for every type it knows before it answers, which takes longer than all the rest
of connecting, and so is done beside other work.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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

Pair = tuple[adbc.Connection, adbc.Connection]


class Readers:
    """The connections, ours first and the provider's second.

    Attributes:
        plain: for packed rows.
        snapshot: names the instant for other connections, while these are open.
    """

    def __init__(
        self,
        plain: tuple[Plain[TupleRow], Plain[TupleRow]],
        snapshot: str,
        connect: Callable[[], Future[Pair]],
    ) -> None:
        self.plain = plain
        self.snapshot = snapshot
        self._connect = connect
        self._tables: Future[Pair] | None = None

    def prepare(self) -> Future[Pair]:
        """Begin to connect for ``tables``, if nobody did; does not wait."""
        if self._tables is None:
            self._tables = self._connect()
        return self._tables

    @property
    def tables(self) -> Pair:
        """For Arrow tables.

        Raises:
            Unavailable: the database cannot be reached.
        """
        try:
            return self.prepare().result()
        except adbc_driver_manager.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error

    def close(self) -> None:
        """Close what ``prepare`` opened."""
        if self._tables is not None and self._tables.exception() is None:
            for connection in self._tables.result():
                connection.close()


@contextmanager
def open_readers(database_url: str, snapshot: str | None) -> Iterator[Readers]:
    """Connections that see one instant: now, or that of other readers, still open, by its name.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with ExitStack() as stack:
        aside = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        try:
            ours, theirs = (stack.enter_context(psycopg.connect(database_url)) for _ in "ab")
            told = _exported(ours) if snapshot is None else snapshot
            for connection in (ours, theirs) if snapshot else (theirs,):
                connection.execute(_INSTANT)
                connection.execute(f"SET TRANSACTION SNAPSHOT '{told}'".encode())
            for connection in (ours, theirs):
                connection.execute(_ALONE)
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error
        readers = Readers(
            (ours, theirs), told, lambda: aside.submit(_tables, database_url, told)
        )
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
