"""Connections of one run that all read the same database snapshot.

Two psycopg connections, one per side, read packed key rows and small results. Two ADBC
connections read large results as Arrow tables. ADBC asks the server for every type it knows
before its first query, which takes longer than a small run, so these are opened on demand.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import cast

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import psycopg
from psycopg import Connection as PsycopgConnection
from psycopg.rows import TupleRow
from sqlalchemy import Connection

from storage.engine import url_of
from vocabulary.errors import Unavailable

_REPEATABLE_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
# Both sides are read at once, one core each. Parallel workers would only pass their strings of
# packed rows to each other.
_NO_PARALLEL_WORKERS = "SET LOCAL max_parallel_workers_per_gather = 0"
_UTC = "SET LOCAL TimeZone = 'UTC'"
# Few rows are read by indexes whatever the values are, and sooner than they are planned anew.
_PLANNED_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"

ArrowPair = tuple[adbc.Connection, adbc.Connection]
PlainPair = tuple[PsycopgConnection[TupleRow], PsycopgConnection[TupleRow]]


class SnapshotConnections:
    """Two connections of either kind; ours comes first, the provider's second.

    Attributes:
        database_url: where they are connected to.
        plain: psycopg connections, for packed rows and small results.
    """

    def __init__(
        self, database_url: str, plain: PlainPair, snapshot_id: str | None = None
    ) -> None:
        self.plain = plain
        self.database_url = database_url
        self._snapshot_id = snapshot_id
        self._arrow: ArrowPair | None = None

    @property
    def snapshot_id(self) -> str:
        """The name under which other connections can import this snapshot.

        It holds for as long as these connections are open. A snapshot that nobody imports gets
        none: the database writes a file for it.
        """
        if self._snapshot_id is None:
            self._snapshot_id = _export_snapshot(self.plain[0])
        return self._snapshot_id

    @property
    def arrow(self) -> ArrowPair:
        """ADBC connections, for Arrow tables; opened at the first call.

        Raises:
            Unavailable: the database cannot be reached.
        """
        if self._arrow is None:
            try:
                self._arrow = _open_arrow(self.database_url, self.snapshot_id)
            except adbc_driver_manager.OperationalError as error:
                raise Unavailable("the database cannot be reached") from error
        return self._arrow

    def close_arrow(self) -> None:
        """Close the ADBC connections, if they were opened."""
        for connection in self._arrow or ():
            connection.close()


@contextmanager
def open_connections(
    database_url: str, snapshot_id: str | None
) -> Iterator[SnapshotConnections]:
    """Open connections on one snapshot.

    Args:
        database_url: of the database to read.
        snapshot_id: an exported snapshot whose connections are still open; None: a new one.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with ExitStack() as stack:
        try:
            with ThreadPoolExecutor(max_workers=2) as pool:
                ours, theirs = pool.map(
                    lambda url: stack.enter_context(psycopg.connect(url)), [database_url] * 2
                )
            if snapshot_id is None:
                ours.execute(_REPEATABLE_READ)
                exported = _export_snapshot(ours)
            else:
                exported = snapshot_id
            for connection in (ours, theirs) if snapshot_id else (theirs,):
                connection.execute(_REPEATABLE_READ)
                connection.execute(f"SET TRANSACTION SNAPSHOT '{exported}'".encode())
            for connection in (ours, theirs):
                connection.execute(_NO_PARALLEL_WORKERS)
                connection.execute(_UTC)
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error
        connections = SnapshotConnections(database_url, (ours, theirs), exported)
        stack.callback(connections.close_arrow)
        yield connections


@contextmanager
def connections_of(connection: Connection) -> Iterator[SnapshotConnections]:
    """Let one transaction that sees one instant serve both sides, which are read in turn then.

    A connection of a pool knows the tables already: a new server process takes longer to learn
    them than to read few rows.
    """
    plain = cast("PsycopgConnection[TupleRow]", connection.connection.driver_connection)
    plain.execute(f"{_NO_PARALLEL_WORKERS}; {_UTC}; {_PLANNED_ONCE}".encode())
    connections = SnapshotConnections(url_of(connection.engine), (plain, plain))
    try:
        yield connections
    finally:
        connections.close_arrow()


def _export_snapshot(connection: PsycopgConnection[TupleRow]) -> str:
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def _open_arrow(database_url: str, snapshot_id: str) -> ArrowPair:
    connection = adbc.connect(database_url)
    # A clone shares the type catalogue and opens faster than a second connection.
    pair = (connection, connection.adbc_clone())
    for connection in pair:
        with connection.cursor() as cursor:
            cursor.execute(_REPEATABLE_READ)
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot_id}'")
            cursor.execute(_NO_PARALLEL_WORKERS)
    return pair
