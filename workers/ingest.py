"""Take in pushed history: stored deliveries become feed records. Repeats change nothing."""

from datetime import datetime

from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError

from providers.contract import Callback
from reconcile.feeds import store_records
from storage.parking import park
from vocabulary import steps
from vocabulary.errors import Contradiction, Refused, Unavailable
from vocabulary.facts import HistoryRecord
from vocabulary.steps import Step
from workers.jobs import Desk
from workers.outcomes import Done, Outcome, Parked

#: Most deliveries taken in by one transaction.
DELIVERIES_PER_INGEST = 2_000
JOB = "ingest.v1"
#: The source of records that came as callbacks.
PUSHED = "push"

_LOCK = """
SELECT delivery_id, provider, route, headers, body, received_at FROM deliveries
 WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
 ORDER BY delivery_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
_MARK = """
UPDATE deliveries SET ingested_at = clock_timestamp()
 WHERE delivery_id = ANY(%(deliveries)s::bigint[])
"""
_PARK = "UPDATE deliveries SET parked_at = clock_timestamp() WHERE delivery_id = %(delivery)s"

Delivery = Row[tuple[int, str, str, str, bytes, datetime]]


def ingest(desk: Desk) -> Outcome:
    """Take in everything that waits, in transactions of bounded size.

    Raises:
        Unavailable: the database is out of reach.
    """
    taken = parked = 0
    while True:
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


def _ingest_some(connection: Connection, desk: Desk) -> tuple[int, int]:
    waiting = connection.exec_driver_sql(_LOCK, {"most": DELIVERIES_PER_INGEST}).all()
    if waiting:
        steps.reached(Step.HELD)
    records: dict[str, list[HistoryRecord]] = {}
    done: list[int] = []
    for delivery in waiting:
        try:
            records.setdefault(delivery.provider, []).append(_record(delivery, desk))
        except (Refused, Contradiction) as error:
            connection.exec_driver_sql(_PARK, {"delivery": delivery.delivery_id})
            subject = f"delivery {delivery.delivery_id}"
            park(connection, job=JOB, subject=subject, error=error)
        else:
            done.append(delivery.delivery_id)
    for slug, found in records.items():
        store_records(connection, slug, found, source=PUSHED, received_at=desk.clock.now())
        steps.reached(Step.STORED)
    connection.exec_driver_sql(_MARK, {"deliveries": done})
    return len(waiting), len(waiting) - len(done)


def _record(delivery: Delivery, desk: Desk) -> HistoryRecord:
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
