"""Ingest deliveries: pushed history becomes feed records, malformed callbacks become findings.

Repeats change nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError

from feeds.push import (
    UnreadableCallback,
    record_unreadable,
    record_unreadable_callbacks,
    store_pushed,
)
from providers.contract import Callback
from storage.broker.redis import INGEST_QUEUE
from storage.queue.parking import park
from storage.transactions import transaction
from vocabulary import fault_points
from vocabulary.errors import Contradiction, Malformed, Refused
from vocabulary.facts import Fact, HistoryRecord, UnreadableHistory
from vocabulary.fault_points import Step
from vocabulary.outcomes import Verdict
from workers.context import WorkerContext
from workers.outcomes import BUSY_FOR, Done, JobOutcome, Parked, Requeued

#: Most deliveries per transaction.
DELIVERIES_PER_INGEST = 2_000
JOB = "ingest.v1"

_LOCK = """
SELECT delivery_id, provider, route, headers, body, received_at, verdict FROM deliveries
 WHERE verdict IN ('recorded', 'malformed') AND ingested_at IS NULL AND parked_at IS NULL
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

Delivery = Row[tuple[int, str, str, str, bytes, datetime, str]]
#: A delivery with the record parsed from it.
ParsedDelivery = tuple[Delivery, HistoryRecord]


def ingest(context: WorkerContext) -> JobOutcome:
    """Ingest what waits, for a bounded time and in transactions of bounded size.

    Raises:
        Unavailable: the database is unreachable.
    """
    total = parked = 0
    deadline = context.clock.now() + BUSY_FOR
    while context.clock.now() < deadline:
        pause_reason = context.pause_reason(INGEST_QUEUE)
        if pause_reason:
            return Requeued(pause_reason)
        with transaction(context.engine, "ingest") as connection:
            count, failed = _ingest_some(connection, context)
        if count:
            fault_points.reached(Step.INGESTED)
        total, parked = total + count, parked + failed
        if count < DELIVERIES_PER_INGEST:
            return Parked(parked) if parked else Done(total)
    return Requeued("the backlog exceeds one message")


def _ingest_some(connection: Connection, context: WorkerContext) -> tuple[int, int]:
    waiting = connection.execute(text(_LOCK), {"most": DELIVERIES_PER_INGEST}).all()
    if waiting:
        fault_points.reached(Step.RECORDS_LOCKED)
    malformed = [row for row in waiting if row.verdict == Verdict.MALFORMED]
    _record_malformed(connection, context, malformed)
    history = [row for row in waiting if row.verdict != Verdict.MALFORMED]
    deliveries = _parse_all(connection, context, history)
    try:
        _store(connection, context, deliveries)
        fault_points.reached(Step.STORED)
    except _INVARIANT_BROKEN:
        deliveries = [item for item in deliveries if _store_or_park(connection, context, item)]
    ids = [row.delivery_id for row in (*malformed, *(delivery for delivery, _ in deliveries))]
    connection.execute(text(_MARK), {"deliveries": ids})
    return len(waiting), len(history) - len(deliveries)


def _record_malformed(
    connection: Connection, context: WorkerContext, malformed: Sequence[Delivery]
) -> None:
    """Record why callbacks were refused, as today's settings read them."""
    by_provider: dict[str, list[UnreadableCallback]] = {}
    for delivery in malformed:
        callback = UnreadableCallback(
            delivery=delivery.delivery_id,
            route=delivery.route,
            reason=_reason(delivery, context),
            received_at=delivery.received_at,
        )
        by_provider.setdefault(delivery.provider, []).append(callback)
    for slug, callbacks in by_provider.items():
        record_unreadable_callbacks(connection, slug, callbacks, now=context.clock.now())


def _reason(delivery: Delivery, context: WorkerContext) -> str:
    try:
        _fact(delivery, context)
    except (Refused, Contradiction) as error:
        return str(error)
    return "readable under today's settings"


def _parse_all(
    connection: Connection, context: WorkerContext, waiting: Sequence[Delivery]
) -> list[ParsedDelivery]:
    """Parse the deliveries; park those that cannot be parsed."""
    parsed: list[ParsedDelivery] = []
    for delivery in waiting:
        try:
            parsed.append((delivery, _record(delivery, context)))
        except (Refused, Contradiction) as error:
            _park(connection, context, delivery, error)
    return parsed


def _store(
    connection: Connection, context: WorkerContext, deliveries: Sequence[ParsedDelivery]
) -> None:
    by_provider: dict[str, dict[int, HistoryRecord]] = {}
    for delivery, record in deliveries:
        by_provider.setdefault(delivery.provider, {})[delivery.delivery_id] = record
    with connection.begin_nested():
        for slug, records in by_provider.items():
            now = context.clock.now()
            store_pushed(connection, slug, records.values(), deliveries=list(records), now=now)


def _store_or_park(
    connection: Connection, context: WorkerContext, parsed: ParsedDelivery
) -> bool:
    """Store one delivery on its own, or park it; True if it was stored."""
    try:
        _store(connection, context, [parsed])
    except _INVARIANT_BROKEN as error:
        _park(connection, context, parsed[0], error)
        return False
    return True


def _park(
    connection: Connection, context: WorkerContext, delivery: Delivery, error: Exception
) -> None:
    slug, delivery_id = delivery.provider, delivery.delivery_id
    connection.execute(text(_MARK_PARKED), {"delivery": delivery_id})
    park(
        connection,
        job=JOB,
        subject=f"delivery {delivery_id}",
        error=error,
        context={"delivery": delivery_id, "provider": slug, "route": delivery.route},
    )
    record_unreadable(connection, slug, delivery_id, error, now=context.clock.now())


def _record(delivery: Delivery, context: WorkerContext) -> HistoryRecord:
    """Parse the stored bytes again; the receiver verified them when they arrived.

    Raises:
        Refused: they cannot be read, or they no longer verify: a secret was retired or an
            option changed.
        Contradiction: they are no history record of a configured provider.
    """
    fact = _fact(delivery, context)
    if isinstance(fact, UnreadableHistory):
        raise Malformed(fact.path, fact.reason)
    if not isinstance(fact, HistoryRecord):
        raise Contradiction("a delivery stored as history is no history record")
    return fact


def _fact(delivery: Delivery, context: WorkerContext) -> Fact:
    configured = context.providers.get(delivery.provider)
    if configured is None:
        raise Contradiction(f"no provider {delivery.provider!r} is configured any more")
    dialect, provider = configured
    callback = Callback(
        route=delivery.route, headers=_headers(delivery.headers), body=bytes(delivery.body)
    )
    return dialect.parse(dialect.verify(callback, provider), provider)


def _headers(lines: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines.splitlines())
