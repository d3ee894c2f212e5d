"""Open a snapshot of a window: no snapshot is opened whose rows left for archives."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection

from reconcile.snapshot.connections import (
    connections_of,
    open_connections,
)
from reconcile.snapshot.cut import require_window
from reconcile.snapshot.prepared import PreparedSnapshot
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.heap import return_free_memory, share_one_arena
from vocabulary.window import Window

_P = ParamSpec("_P")
_T = TypeVar("_T")


@contextmanager
def open_snapshot(
    database_url: str,
    provider: str,
    window: Window,
    context: MatchContext,
    snapshot_id: str | None = None,
) -> Iterator[Snapshot]:
    """Open both sides of a window in one database snapshot.

    Rows take memory for a short time, in two threads that read: they share one arena, and what
    is free at the end goes back to the system, for whatever the process does next.

    Args:
        database_url: of the database to read.
        provider: the slug.
        window: of the rows to compare.
        context: decides which of our rounds are overdue, and what full rows contain: balances
            of our rounds only for matching by attributes, immature movements only if parts of a
            round can be immature.
        snapshot_id: of another open ``Snapshot``, to read the same instant; None: now.

    Raises:
        RowsAreAway: rows of the window left for archives, or rows at its edge that take part.
        Unavailable: the database cannot be reached.
    """
    share_one_arena()
    try:
        with (
            ThreadPoolExecutor(max_workers=2) as pool,
            open_connections(database_url, snapshot_id) as connections,
        ):
            yield _checked(
                Snapshot(connections, pool, provider=provider, window=window, context=context)
            )
    finally:
        return_free_memory()


@contextmanager
def snapshot_over(
    connection: Connection, provider: str, window: Window, context: MatchContext
) -> Iterator[Snapshot]:
    """Read both sides of a window over one connection, in turn; for few rows.

    Args:
        connection: its transaction sees one instant.
        provider: the slug.
        window: of the rows to compare.
        context: as for ``open_snapshot``.

    Raises:
        RowsAreAway: as ``open_snapshot`` does.
    """
    with connections_of(connection) as connections:
        yield _checked(
            PreparedSnapshot(
                connections, InTurn(), provider=provider, window=window, context=context
            )
        )


def _checked(snapshot: Snapshot) -> Snapshot:
    """Return a new snapshot after checking that its rows are there; nothing else makes one."""
    require_window(snapshot.query, snapshot.provider, snapshot.window, snapshot.context.rules)
    return snapshot


class InTurn(Executor):
    """Calls functions at once, in the calling thread: a thread would only be waited for."""

    def submit(
        self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Call a function; an error that it raises is that of the future."""
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the caller of ``result`` gets it
            future.set_exception(error)
        return future
