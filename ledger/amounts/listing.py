"""List which blocks of batches have an amount, once nothing can be added to them any more.

Operations are only added, so what is listed holds for ever. The lists leave with the rows of
their batches. Tables read: ``batches``, ``operations``; written: ``listed_batches``,
``operation_amounts``.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from ledger.amounts.batch_times import first_batch_after
from ledger.amounts.places import BLOCKS, LISTED_BELOW, pack, parts_of
from storage.archive.row_cut import rows_begin_at
from storage.transactions import outages

#: Operations of a stretch, unless its last batch has more; the newest fewer are not listed.
STRETCH = 32_768
#: Most stretches of one call.
STRETCHES_MAX = 2_000
#: Longest wait for transactions that may still add a batch.
PATIENCE = timedelta(seconds=10)
_PAUSE = timedelta(milliseconds=50)
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('list amounts', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('list amounts', 0))"
_NEWEST = "SELECT max(batch_id) FROM batches"
# Whoever writes a batch has this lock before the batch has a number.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
 WHERE locktype = 'relation' AND relation = 'batches'::regclass AND mode = 'RowExclusiveLock'
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LAST_LISTED = "SELECT coalesce(max(last_batch), 0) FROM listed_batches"
_STRETCH = """
SELECT min(batch_id) AS first, max(batch_id) AS last, sum(operations) AS operations,
       count(*) AS batches
  FROM (SELECT batch_id, operations,
               sum(operations) OVER (ORDER BY batch_id) - operations AS before
          FROM (SELECT batch_id, operations FROM batches
                 WHERE batch_id >= :first AND batch_id <= :settled
                 ORDER BY batch_id LIMIT :size) b) s
 WHERE before < :size
"""
_PLACES = """
SELECT provider, currency, array_agg(place ORDER BY place) AS places
  FROM (SELECT DISTINCT provider, currency,
               abs(amount) * :blocks + (batch_id - :first) / :width AS place
          FROM operations
         WHERE batch_id >= :first AND batch_id <= :last
           AND amount > -:listed_below AND amount < :listed_below) p
 GROUP BY provider, currency
"""
_STORE_STRETCH = """
INSERT INTO listed_batches (first_batch, last_batch, width) VALUES (:first, :last, :width)
"""
_STORE_PART = """
INSERT INTO operation_amounts (first_batch, provider, currency, last_place, places)
VALUES (:first, :provider, :currency, :last_place, :places)
"""
# Batches without lists are read whole, so what is left of them is still found.
_FORGET = """
WITH archived AS (
    SELECT first_batch FROM listed_batches l
     WHERE NOT EXISTS (SELECT FROM batches b
                        WHERE b.batch_id >= l.first_batch AND b.batch_id <= l.last_batch
                          AND b.committed_at >= rows_begin_at())
       AND rows_begin_at() IS NOT NULL
), parts AS (
    DELETE FROM operation_amounts a USING archived WHERE a.first_batch = archived.first_batch
    RETURNING a.first_batch
), stretches AS (
    DELETE FROM listed_batches l USING archived WHERE l.first_batch = archived.first_batch
)
SELECT count(*) FROM parts
"""


class _Stretch(NamedTuple):
    """Batches that are listed together; ``width`` of them are a block."""

    first: int
    last: int
    width: int


def list_operation_amounts(
    engine: Engine, *, size: int = STRETCH, patience: timedelta = PATIENCE
) -> int:
    """List the amounts of batches since the last listed one; returns how many stretches.

    One process does this at a time: beside another one, nothing is done. Nor is it while a
    transaction that writes batches goes on for longer than ``patience``.

    Args:
        engine: of the books, with two connections or more.
        size: operations of a stretch.
        patience: longest wait.

    Raises:
        Unavailable: the database is out of reach.
    """
    with outages("lists of amounts"), _alone(engine) as session:
        settled = None if session is None else _settled_batch(session, patience)
        if settled is None:
            return 0
        count = 0
        while count < STRETCHES_MAX and _list_stretch(engine, settled, size):
            count += 1
        return count


def forget_archived_operation_amounts(connection: Connection) -> int:
    """Remove the lists of batches whose rows left for archives; returns how many parts went."""
    count: int = connection.execute(text(_FORGET)).scalar_one()
    return count


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection | None]:
    """A session while no other process lists amounts; None beside another one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        is_alone = bool(session.execute(text(_LOCK)).scalar_one())
        try:
            yield session if is_alone else None
        finally:
            if is_alone:
                session.execute(text(_UNLOCK))


def _settled_batch(session: Connection, patience: timedelta) -> int | None:
    """The newest batch up to which none can be added any more; None: a writer takes long."""
    newest: int | None = session.execute(text(_NEWEST)).scalar_one()
    if newest is None:
        return None
    writers = _writers(session)
    deadline = time.monotonic() + patience.total_seconds()
    while writers & _writers(session):
        if time.monotonic() > deadline:
            return None
        time.sleep(_PAUSE.total_seconds())
    return newest


def _writers(session: Connection) -> set[str]:
    return set(session.execute(text(_WRITERS)).scalars())


def _list_stretch(engine: Engine, settled: int, size: int) -> bool:
    """List the next stretch in one snapshot, unless fewer batches than it takes are settled."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        stretch = _next_stretch(connection, settled, size)
        if stretch is None:
            return False
        connection.execute(text(_STORE_STRETCH), stretch._asdict())
        if parts := list(_parts(connection, stretch)):
            connection.execute(text(_STORE_PART), parts)
        connection.commit()
        return True


def _next_stretch(connection: Connection, settled: int, size: int) -> _Stretch | None:
    first = int(connection.execute(text(_LAST_LISTED)).scalar_one()) + 1
    cut = rows_begin_at(connection)
    if cut is not None:  # rows that are away now may come back, and would be missing
        first = max(first, first_batch_after(connection, cut))
    params = {"first": first, "settled": settled, "size": size}
    row = connection.execute(text(_STRETCH), params).one()
    if row.last is None or (row.operations < size and row.batches < size):
        return None
    return _Stretch(row.first, row.last, -(-(row.last - row.first + 1) // BLOCKS))


def _parts(connection: Connection, stretch: _Stretch) -> Iterator[dict[str, Any]]:
    """The rows of a stretch: the places of each provider and currency, in parts."""
    params = {**stretch._asdict(), "blocks": BLOCKS, "listed_below": LISTED_BELOW}
    for provider, currency, places in connection.execute(text(_PLACES), params):
        for part in parts_of(places):
            yield _row_of(stretch, provider, currency, part)


def _row_of(
    stretch: _Stretch, provider: str, currency: str, places: Sequence[int]
) -> dict[str, Any]:
    return {
        "first": stretch.first,
        "provider": provider,
        "currency": currency,
        "last_place": places[-1],
        "places": pack(places),
    }
