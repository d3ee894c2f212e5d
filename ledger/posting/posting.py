"""Post accepted batches: double entries and rounds, in bulk, exactly once in effect.

Any number of workers may post at once: each locks unposted batches with SKIP LOCKED. The
primary key of an entry is its operation's chain position, so an operation cannot be posted
twice. Rounds are sums, so the order in which batches are posted does not matter; a worker that
posts into an ended round sweeps the rest of its clearing. Each wallet has its own row for a
round: players who share a round share its id and no sum.

A batch may have come in while its round left for an archive. It is not parked: the round is
asked for, and the batch is posted once it is back; others are posted meanwhile.

Tables touched: ``batches`` (locked, marked), ``operations`` (read), ``entries`` (written),
``rounds`` (added to), ``parked`` (batches, with the reason), ``recalls`` (rounds to come back).

Every function that posts raises Unavailable if the database is out of reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError

from ledger.posting import posting_sql as sql
from storage.queue.parking import cause_of, park
from storage.transactions import engine_at, outages
from vocabulary import fault_points
from vocabulary.fault_points import Step

#: Most batches posted in one transaction; a batch holds up to a few hundred operations.
BATCHES_PER_POSTING = 100
#: Most operations named in the context of a parked batch, in chain order.
KEYS_NAMED_MAX = 50
#: Name of the job in ``parked``.
JOB = "post.v1"

_INVARIANT_BROKEN = (IntegrityError, DataError, InternalError)
#: The guard of ``rounds`` that keeps a round from being added to while its rows are away.
_AWAY_GUARD = "rounds_are_not_away"


@dataclass(frozen=True, slots=True)
class PostingCounts:
    """The result of posting: batches posted, entries written, batches parked.

    Attributes:
        waiting: batches that wait for rounds to come back from an archive.
    """

    batches: int
    entries: int
    parked: int
    waiting: int = 0


def post(engine: Engine, *, limit: int = BATCHES_PER_POSTING) -> PostingCounts:
    """Post up to ``limit`` unposted batches, oldest first, in one transaction.

    If one of the batches breaks an invariant, they are posted one by one, and the batch that
    fails is parked with its reason, or waits for its round.

    Raises:
        Unavailable: the database is out of reach; batches not posted stay to be posted.
    """
    with outages("posting"):
        return _post_together(engine, limit)


def post_all(engine: Engine) -> int:
    """Post until no batch is left to post; returns the number of batches posted."""
    total = 0
    while (posted := post(engine)).batches or posted.parked:
        total += posted.batches
    return total


def post_all_at(database_url: str) -> int:
    """``post_all`` with an engine of its own."""
    with engine_at(database_url) as engine:
        return post_all(engine)


def _post_together(engine: Engine, limit: int) -> PostingCounts:
    try:
        with engine.begin() as connection:
            batches = _lock_batches(connection, limit)
            posted = PostingCounts(len(batches), _post(connection, batches), 0)
    except _INVARIANT_BROKEN:
        return _post_singly(engine, limit)
    if posted.batches:
        fault_points.reached(Step.POSTED)
    return posted


def _lock_batches(connection: Connection, limit: int, waiting: Sequence[int] = ()) -> list[int]:
    rows = connection.execute(text(sql.LOCK), {"limit": limit, "waiting": list(waiting)})
    return [row[0] for row in rows]


def _post(connection: Connection, batches: Sequence[int]) -> int:
    if not batches:
        return 0
    parameters = {"batches": list(batches)}
    fault_points.reached(Step.LOCKED)
    entries = connection.execute(text(sql.ENTRIES), parameters).rowcount
    fault_points.reached(Step.ENTRIES_WRITTEN)
    due = connection.execute(text(sql.ROUNDS), parameters).all()
    fault_points.reached(Step.ROUNDS_WRITTEN)
    entries += _sweep(connection, batches, due) if due else 0
    fault_points.reached(Step.SWEPT)
    connection.execute(text(sql.MARK_POSTED), parameters)
    fault_points.reached(Step.MARKED)
    return entries


def _sweep(connection: Connection, batches: Sequence[int], due: Sequence[Row[Any]]) -> int:
    """Move what is left in the clearing of ended rounds to GGR; returns the entries written.

    Args:
        connection: has locked these rounds.
        batches: what is posted, of which each round has an operation.
        due: the rounds, as ``ROUNDS`` returns them.
    """
    columns = zip(*due, strict=True)
    names = ("match_key", "provider", "round_id", "wallet_id", "currency", "due")
    rounds = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return connection.execute(text(sql.SWEEP), {"batches": list(batches), **rounds}).rowcount


def _post_singly(engine: Engine, limit: int) -> PostingCounts:
    """Post batches one by one, until one is parked or none is left."""
    batches, entries = 0, 0
    waiting: list[int] = []
    for _ in range(limit):
        posted = _post_or_park_one(engine, waiting)
        batches, entries = batches + posted.batches, entries + posted.entries
        if posted.parked or not (posted.batches or posted.waiting):
            return PostingCounts(batches, entries, posted.parked, len(waiting))
    return PostingCounts(batches, entries, 0, len(waiting))


def _post_or_park_one(engine: Engine, waiting: list[int]) -> PostingCounts:
    """Post the oldest batch that is not waiting; one whose round is away waits from now on."""
    with engine.begin() as connection:
        batches = _lock_batches(connection, 1, waiting)
        try:
            with connection.begin_nested():
                return PostingCounts(len(batches), _post(connection, batches), 0)
        except _INVARIANT_BROKEN as error:
            (batch,) = batches
            if cause_of(error).name == _AWAY_GUARD:
                connection.execute(text(sql.WANT_ROUNDS), {"batch": batch})
                waiting.append(batch)
                return PostingCounts(0, 0, 0, waiting=1)
            _park(connection, batch, error)
            return PostingCounts(0, 0, 1)


def _park(connection: Connection, batch: int, error: Exception) -> None:
    connection.execute(text(sql.PARK_BATCH), {"batch": batch})
    parameters = {"batch": batch, "limit": KEYS_NAMED_MAX}
    rows = connection.execute(text(sql.BATCH_OPERATIONS), parameters)
    operations = [dict(row._mapping) for row in rows]
    context = {"batch": batch, "operations": operations}
    park(connection, job=JOB, subject=f"batch {batch}", error=error, context=context)
