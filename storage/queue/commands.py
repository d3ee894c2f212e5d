"""What an operator decides about parked work and queues; each decision with its audit row.

Tables touched: ``parked`` (rows leave it), ``batches``, ``deliveries``, ``job_runs`` (marked to
be done again), ``paused_queues`` and ``audit`` (written), all in one transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from storage.audit import record
from vocabulary.errors import Contradiction, Unavailable

#: The job whose parked work is money that was accepted.
POSTING_JOB = "post.v1"
#: The job whose parked work is pushed history.
INGEST_JOB = "ingest.v1"

_CHOSEN = """
SELECT parked_id, job, subject, cause, fingerprint, detail, context, times, parked_at, last_at
  FROM parked
 WHERE (CAST(:job AS text) IS NULL OR job = :job)
   AND (CAST(:cause AS text) IS NULL OR cause = :cause OR fingerprint = :cause)
   AND (CAST(:subject AS text) IS NULL OR subject = :subject)
   AND (CAST(:older AS interval) IS NULL
        OR parked_at < clock_timestamp() - CAST(:older AS interval))
 ORDER BY parked_at, parked_id
"""
_BATCHES_AGAIN = """
UPDATE batches SET parked_at = NULL
 WHERE posted_at IS NULL AND batch_id = ANY(CAST(:names AS bigint[]))
"""
_DELIVERIES_AGAIN = """
UPDATE deliveries SET parked_at = NULL WHERE delivery_id = ANY(CAST(:names AS bigint[]))
"""
#: By job: how its subjects begin, and what marks them as not done yet.
_AGAIN = {
    POSTING_JOB: ("batch ", _BATCHES_AGAIN),
    INGEST_JOB: ("delivery ", _DELIVERIES_AGAIN),
}
_SLOT_AGAIN = """
UPDATE job_runs SET done_at = NULL, attempts = 0, lease_until = clock_timestamp()
 WHERE job = :job AND slot = :slot
"""
_REMOVE = "DELETE FROM parked WHERE parked_id = ANY(CAST(:ids AS bigint[]))"
_PAUSE = """
INSERT INTO paused_queues (queue, paused_by, why) VALUES (:queue, :by, :why)
ON CONFLICT (queue) DO NOTHING
"""
_RESUME = "DELETE FROM paused_queues WHERE queue = :queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedFilter:
    """Which parked work is meant; what is None restricts nothing.

    Attributes:
        cause: its name or its fingerprint.
        older_than: parked longer ago than this.
    """

    job: str | None = None
    cause: str | None = None
    subject: str | None = None
    older_than: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDecision:
    """Who decided, and why."""

    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedItem:
    """One piece of parked work, with everything that is known about it."""

    parked_id: int
    job: str
    subject: str
    cause: str
    fingerprint: str
    detail: str
    context: dict[str, Any]
    times: int
    parked_at: datetime
    last_at: datetime


def parked_items(engine: Engine, chosen: ParkedFilter) -> list[ParkedItem]:
    """The parked work that is meant, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            return _chosen(connection, chosen)
    except OperationalError as error:
        raise Unavailable("parked: the database is out of reach") from error


def requeue(engine: Engine, chosen: ParkedFilter, order: OperatorDecision) -> list[ParkedItem]:
    """Have parked work done again; returns what it was.

    Raises:
        Unavailable: the database is out of reach; nothing is changed.
    """
    try:
        with engine.begin() as connection:
            items = _chosen(connection, chosen, locked=True)
            _mark_again(connection, items)
            _remove(connection, items, "queue.requeued", order)
            return items
    except OperationalError as error:
        raise Unavailable("requeue: the database is out of reach") from error


def discard(engine: Engine, chosen: ParkedFilter, order: OperatorDecision) -> list[ParkedItem]:
    """Give up parked work for good; returns what it was. The audit trail keeps all of it.

    Raises:
        Contradiction: some of it is money that was accepted; nothing is changed.
        Unavailable: the database is out of reach; nothing is changed.
    """
    try:
        with engine.begin() as connection:
            items = _chosen(connection, chosen, locked=True)
            refuse_money(items)
            _remove(connection, items, "queue.discarded", order)
            return items
    except OperationalError as error:
        raise Unavailable("discard: the database is out of reach") from error


def refuse_money(items: list[ParkedItem]) -> None:
    """Refuse to discard operations that a provider was told are accepted.

    Raises:
        Contradiction: there are some.
    """
    money = [item.subject for item in items if item.job == POSTING_JOB]
    if money:
        raise Contradiction(
            f"{len(money)} of {len(items)} hold money that was accepted (first: {money[0]}): "
            "it must be booked, so it cannot be discarded. Repair the cause and requeue it; "
            "nothing was changed"
        )


def pause(engine: Engine, queue: str, order: OperatorDecision) -> bool:
    """Have workers leave a queue alone; False when they already do.

    Raises:
        Unavailable: the database is out of reach.
    """
    return _switch(engine, "queue.paused", _PAUSE, queue, order)


def resume(engine: Engine, queue: str, order: OperatorDecision) -> bool:
    """Have workers work on a queue again; False when they already do.

    Raises:
        Unavailable: the database is out of reach.
    """
    return _switch(engine, "queue.resumed", _RESUME, queue, order)


def _switch(
    engine: Engine, action: str, statement: str, queue: str, order: OperatorDecision
) -> bool:
    given = {"queue": queue, "by": order.by, "why": order.why}
    try:
        with engine.begin() as connection:
            changed = connection.execute(text(statement), given).rowcount == 1
            if changed:
                record(connection, order.by, action, f"queue {queue}", {"why": order.why})
            return changed
    except OperationalError as error:
        raise Unavailable(f"{queue}: the database is out of reach") from error


def _chosen(
    connection: Connection, chosen: ParkedFilter, *, locked: bool = False
) -> list[ParkedItem]:
    given = {
        "job": chosen.job,
        "cause": chosen.cause,
        "subject": chosen.subject,
        "older": chosen.older_than,
    }
    rows = connection.execute(text(_CHOSEN + (" FOR UPDATE" if locked else "")), given)
    return [ParkedItem(**row._mapping) for row in rows]


def _mark_again(connection: Connection, items: list[ParkedItem]) -> None:
    for job, (prefix, statement) in _AGAIN.items():
        names = [
            int(item.subject.removeprefix(prefix))
            for item in items
            if item.job == job and item.subject.startswith(prefix)
        ]
        connection.execute(text(statement), {"names": names})
    for item in items:
        if item.subject.startswith("slot "):
            slot = item.subject.removeprefix("slot ")
            connection.execute(text(_SLOT_AGAIN), {"job": item.job, "slot": slot})


def _remove(
    connection: Connection, items: list[ParkedItem], action: str, order: OperatorDecision
) -> None:
    connection.execute(text(_REMOVE), {"ids": _ids(items)})
    for item in items:
        known = {
            "why": order.why,
            "job": item.job,
            "cause": item.cause,
            "detail": item.detail,
            "context": item.context,
            "parked_at": item.parked_at.isoformat(),
        }
        record(connection, order.by, action, item.subject, known)


def _ids(items: list[ParkedItem]) -> list[int]:
    return [item.parked_id for item in items]
