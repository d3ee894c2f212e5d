"""Read the key rows of a window slice by slice of time, so that memory is bounded."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from reconcile.snapshot.key_ranges import PackedSink
from reconcile.snapshot.key_rows import KeyRowKind, KeyRowQueries, key_rows_query
from reconcile.snapshot.query_results import Psycopg, read_strings
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.window import Window


def stream_key_rows(
    snapshot: Snapshot,
    kind: KeyRowKind,
    sinks: tuple[PackedSink, PackedSink],
    *,
    slices: int,
    at_most: int | None,
) -> None:
    """Send the key rows of the window, unordered, to one sink per side.

    Args:
        snapshot: is read.
        kind: of key rows.
        sinks: take our rows and theirs, block by block, each in a thread of its own.
        slices: of time, which are read one after the other.
        at_most: an upper limit of the rows of a side; None: unknown.
    """

    def send(
        column: str, queries: KeyRowQueries, sink: PackedSink
    ) -> Callable[[Psycopg], None]:
        def send_all(connection: Psycopg) -> None:
            for condition in _slice_conditions(snapshot.window, column, slices):
                query = key_rows_query(queries, condition, at_most=at_most, layout=kind.layout)
                for block in read_strings(connection, snapshot.render(query)):
                    sink(np.frombuffer(block, kind.layout))

        return send_all

    ours, theirs = sinks
    snapshot.on_both(
        send("r.first_at", kind.ours, ours), send("f.created_at", kind.theirs, theirs)
    )


def _slice_conditions(window: Window, column: str, slices: int) -> Iterator[str]:
    length = window.end - window.start
    bounds = [window.start + length * n // slices for n in range(slices + 1)]
    for first, after in pairwise(bounds):
        yield (
            f" AND {column} >= '{first.isoformat()}'::timestamptz"
            f" AND {column} < '{after.isoformat()}'::timestamptz"
        )
