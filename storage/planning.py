"""Planner settings for single statements."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text


@contextmanager
def without_nested_loops(connection: Connection) -> Iterator[None]:
    """Join the sets of the block's statements by hash or in order.

    Statistics that do not know of the newest day take a set of it for empty. A nested loop then
    seems to cost nothing, and takes the product of both sets.
    """
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    connection.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))


@contextmanager
def without_index_scans(connection: Connection) -> Iterator[None]:
    """Read tables in the block's statements page by page, also where half of them is left out.

    A large part of a table costs an index scan one page for each row. Indexes remain in use for
    single rows, by their bitmaps.
    """
    connection.execute(text("SET LOCAL enable_indexscan = off"))
    yield
    connection.execute(text("SET LOCAL enable_indexscan TO DEFAULT"))
