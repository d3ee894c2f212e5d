"""Operators' decisions about parked work and queues, each with its audit row.

Tables touched: ``parked`` (rows are deleted), ``batches``, ``deliveries``, ``job_runs`` (marked
as not done), ``paused_queues`` and ``audit`` (written), all in one transaction.

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from storage.audit import record
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction

#: The job whose parked work is money that was accepted.
POSTING_JOB = "post.v1"
#: The job whose parked work is pushed history.
INGEST_JOB = "ingest.v1"

_SELECT = """
SELECT parked_id, job, subject, cause, fingerprint, detail, context, times, parked_at, last_at
  FROM parked
 WHERE (CAST(:job AS text) IS NULL OR job = :job)
   AND (CAST(:cause AS text) IS NULL OR cause = :cause OR fingerprint = :cause)
   AND (CAST(:subject AS text) IS NULL OR subject = :subject)
   AND (CAST(:older_than AS interval) IS NULL
        OR parked_at < clock_timestamp() - CAST(:older_than AS interval))
 ORDER BY parked_at, parked_id
"""
_UNPARK_BATCHES = """
UPDATE batches SET parked_at = NULL
 WHERE posted_at IS NULL AND batch_id = ANY(CAST(:ids AS bigint[]))
"""
_UNPARK_DELIVERIES = """
UPDATE deliveries SET parked_at = NULL WHERE delivery_id = ANY(CAST(:ids AS bigint[]))
"""
#: By job: the prefix of its subjects, and the statement that marks them as not done.
_UNPARK = {
    POSTING_JOB: ("batch ", _UNPARK_BATCHES),
    INGEST_JOB: ("delivery ", _UNPARK_DELIVERIES),
}
_REOPEN_SLOT = """
UPDATE job_runs SET done_at = NULL, attempts = 0, lease_until = clock_timestamp()
 WHERE job = :job AND slot = :slot
"""
_DELETE = "DELETE FROM parked WHERE parked_id = ANY(CAST(:ids AS bigint[]))"
_PAUSE = """
INSERT INTO paused_queues (queue, paused_by, reason) VALUES (:queue, :actor, :reason)
ON CONFLICT (queue) DO NOTHING
"""
_RESUME = "DELETE FROM paused_queues WHERE queue = :queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedFilter:
    """Selects parked work; None restricts nothing.

    Attributes:
        cause: the cause's name or its fingerprint.
        older_than: parked longer ago than this.
    """

    job: str | None = None
    cause: str | None = None
    subject: str | None = None
    older_than: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDecision:
    """Who decided, and why."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedItem:
    """One piece of parked work, with all of its context."""

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


def parked_items(engine: Engine, selection: ParkedFilter) -> list[ParkedItem]:
    """The selected parked work, oldest first."""
    with reading(engine, "parked") as connection:
        return _select(connection, selection)


def requeue(
    engine: Engine, selection: ParkedFilter, decision: OperatorDecision
) -> list[ParkedItem]:
    """Have parked work done again; returns what was parked.

    Raises:
        Unavailable: the database is out of reach; nothing is changed.
    """
    with transaction(engine, "requeue") as connection:
        items = _select(connection, selection, lock=True)
        _mark_not_done(connection, items)
        _remove(connection, items, "queue.requeued", decision)
        return items


def discard(
    engine: Engine, selection: ParkedFilter, decision: OperatorDecision
) -> list[ParkedItem]:
    """Give up parked work for good; returns what was parked. The audit trail keeps all of it.

    Raises:
        Contradiction: some of it is accepted money; nothing is changed.
        Unavailable: the database is out of reach; nothing is changed.
    """
    with transaction(engine, "discard") as connection:
        items = _select(connection, selection, lock=True)
        refuse_money(items)
        _remove(connection, items, "queue.discarded", decision)
        return items


def refuse_money(items: list[ParkedItem]) -> None:
    """Refuse to discard operations that a provider knows as accepted.

    Raises:
        Contradiction: there are any.
    """
    money = [item.subject for item in items if item.job == POSTING_JOB]
    if money:
        raise Contradiction(
            f"{len(money)} of {len(items)} hold money that was accepted (first: {money[0]}): "
            "it must be booked, so it cannot be discarded. Repair the cause and requeue it; "
            "nothing was changed"
        )


def pause(engine: Engine, queue: str, decision: OperatorDecision) -> bool:
    """Have workers leave a queue alone; False if it is paused already."""
    return _switch(engine, "queue.paused", _PAUSE, queue, decision)


def resume(engine: Engine, queue: str, decision: OperatorDecision) -> bool:
    """Have workers work on a queue again; False if it is not paused."""
    return _switch(engine, "queue.resumed", _RESUME, queue, decision)


def _switch(
    engine: Engine, action: str, statement: str, queue: str, decision: OperatorDecision
) -> bool:
    actor, reason = decision.actor, decision.reason
    params = {"queue": queue, "actor": actor, "reason": reason}
    with transaction(engine, queue) as connection:
        changed = connection.execute(text(statement), params).rowcount == 1
        if changed:
            record(connection, actor, action, f"queue {queue}", {"why": reason})
        return changed


def _select(
    connection: Connection, selection: ParkedFilter, *, lock: bool = False
) -> list[ParkedItem]:
    query = text(_SELECT + (" FOR UPDATE" if lock else ""))
    rows = connection.execute(query, asdict(selection)).mappings()
    return [ParkedItem(**row) for row in rows]


def _mark_not_done(connection: Connection, items: list[ParkedItem]) -> None:
    for job, (prefix, statement) in _UNPARK.items():
        ids = [
            int(item.subject.removeprefix(prefix))
            for item in items
            if item.job == job and item.subject.startswith(prefix)
        ]
        connection.execute(text(statement), {"ids": ids})
    for item in items:
        if item.subject.startswith("slot "):
            slot = item.subject.removeprefix("slot ")
            connection.execute(text(_REOPEN_SLOT), {"job": item.job, "slot": slot})


def _remove(
    connection: Connection, items: list[ParkedItem], action: str, decision: OperatorDecision
) -> None:
    ids = [item.parked_id for item in items]
    connection.execute(text(_DELETE), {"ids": ids})
    for item in items:
        detail = {
            "why": decision.reason,
            "job": item.job,
            "cause": item.cause,
            "detail": item.detail,
            "context": item.context,
            "parked_at": item.parked_at.isoformat(),
        }
        record(connection, decision.actor, action, item.subject, detail)
