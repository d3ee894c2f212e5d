"""Take in pushed history: stored deliveries become feed records. Repeats change nothing."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError

from feeds.push import note_unreadable, store_pushed
from providers.contract import Callback
from storage.broker.redis import INGEST_QUEUE
from storage.queue.parking import park
from vocabulary import steps
from vocabulary.errors import Contradiction, Refused, Unavailable
from vocabulary.facts import HistoryRecord
from vocabulary.steps import Step
from workers.context import WorkerContext
from workers.outcomes import Done, JobOutcome, Parked, Requeued

#: Most deliveries taken in by one transaction.
DELIVERIES_PER_INGEST = 2_000
JOB = "ingest.v1"

_LOCK = """
SELECT delivery_id, provider, route, headers, body, received_at FROM deliveries
 WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
 ORDER BY delivery_id LIMIT :most FOR UPDATE SKIP LOCKED
"""
_MARK = """
UPDATE deliveries SET ingested_at = clock_timestamp()
 WHERE delivery_id = ANY(CAST(:deliveries AS bigint[]))
"""
_MARK_PARKED = (
    "UPDATE deliveries SET parked_at = clock_timestamp() WHERE delivery_id = :delivery"
)

_INVARIANT_BROKEN = (IntegrityError, DataError, InternalError)

Delivery = Row[tuple[int, str, str, str, bytes, datetime]]
#: A delivery with what was read in it.
IngestedRecord = tuple[Delivery, HistoryRecord]


def ingest(desk: WorkerContext) -> JobOutcome:
    """Take in everything that waits, in transactions of bounded size.

    Raises:
        Unavailable: the database is out of reach.
    """
    taken = parked = 0
    while True:
        held = desk.hold(INGEST_QUEUE)
        if held:
            return Requeued(held)
        try:
            with desk.engine.begin() as connection:
                count, bad = _ingest_some(connection, desk)
        except OperationalError as error:
            raise Unavailable("ingest: the database is out of reach") from error
        if count:
            steps.reached(Step.INGESTED)
        taken, parked = taken + count, parked + bad
        if count < DELIVERIES_PER_INGEST:
            return Parked(parked) if parked else Done(taken)


def _ingest_some(connection: Connection, desk: WorkerContext) -> tuple[int, int]:
    waiting = connection.execute(text(_LOCK), {"most": DELIVERIES_PER_INGEST}).all()
    if waiting:
        steps.reached(Step.HELD)
    done = _read_all(connection, desk, waiting)
    try:
        _store(connection, desk, done)
        steps.reached(Step.STORED)
    except _INVARIANT_BROKEN:
        done = [one for one in done if _store_or_park(connection, desk, one)]
    marked = [delivery.delivery_id for delivery, _ in done]
    connection.execute(text(_MARK), {"deliveries": marked})
    return len(waiting), len(waiting) - len(done)


def _read_all(
    connection: Connection, desk: WorkerContext, waiting: Sequence[Delivery]
) -> list[IngestedRecord]:
    """What can be understood; the rest is parked."""
    done: list[IngestedRecord] = []
    for delivery in waiting:
        try:
            done.append((delivery, _record(delivery, desk)))
        except (Refused, Contradiction) as error:
            _park(connection, desk, delivery, error)
    return done


def _store(
    connection: Connection, desk: WorkerContext, taken: Sequence[IngestedRecord]
) -> None:
    told: dict[str, dict[int, HistoryRecord]] = {}
    for delivery, record in taken:
        told.setdefault(delivery.provider, {})[delivery.delivery_id] = record
    with connection.begin_nested():
        for slug, found in told.items():
            at = desk.clock.now()
            store_pushed(connection, slug, found.values(), deliveries=list(found), now=at)


def _store_or_park(connection: Connection, desk: WorkerContext, one: IngestedRecord) -> bool:
    """Whether this one could be stored; one that cannot holds nobody else up."""
    try:
        _store(connection, desk, [one])
    except _INVARIANT_BROKEN as error:
        _park(connection, desk, one[0], error)
        return False
    return True


def _park(
    connection: Connection, desk: WorkerContext, delivery: Delivery, error: Exception
) -> None:
    slug, number = delivery.provider, delivery.delivery_id
    connection.execute(text(_MARK_PARKED), {"delivery": delivery.delivery_id})
    known = {"delivery": delivery.delivery_id, "provider": delivery.provider}
    park(
        connection,
        job=JOB,
        subject=f"delivery {delivery.delivery_id}",
        error=error,
        context={**known, "route": delivery.route},
    )
    note_unreadable(connection, slug, number, error, now=desk.clock.now())


def _record(delivery: Delivery, desk: WorkerContext) -> HistoryRecord:
    """Read the stored bytes again; they were proven authentic when they came.

    Raises:
        Refused: they do not hold any more: their secret was retired, or an option changed.
        Contradiction: they are no history of a provider we know.
    """
    known = desk.providers.get(delivery.provider)
    if known is None:
        raise Contradiction(f"no provider {delivery.provider!r} is configured any more")
    dialect, provider = known
    callback = Callback(
        route=delivery.route, headers=_headers(delivery.headers), body=bytes(delivery.body)
    )
    fact = dialect.parse(dialect.verify(callback, provider), provider)
    if not isinstance(fact, HistoryRecord):
        raise Contradiction("a delivery stored as history is no history record")
    return fact


def _headers(lines: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines.splitlines())
