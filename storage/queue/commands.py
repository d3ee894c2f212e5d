"""Operators' decisions about parked work and queues, each with its audit row.

Functions of the database remove rows of ``parked`` and mark ``batches``, ``deliveries`` and
``job_runs`` as not done, with the rights of their owner. Tables written beside that:
``paused_queues`` and ``audit``. Each decision is one transaction.

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

import hashlib
from collections.abc import Sequence
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
_PAGE = (
    _SELECT.replace("ORDER BY parked_at, parked_id", "AND parked_id > :after")
    + """
 ORDER BY parked_id LIMIT :limit
"""
)
_COUNTS = """
SELECT job, cause, fingerprint, count(*) AS count, min(parked_at) AS oldest_at
  FROM (SELECTED) AS selected GROUP BY job, cause, fingerprint ORDER BY count(*) DESC, cause
""".replace("SELECTED", _SELECT)
_REQUEUE = "SELECT requeue_parked(CAST(:ids AS bigint[]), CAST(:seen AS integer[]))"
_DISCARD = "SELECT discard_parked(CAST(:ids AS bigint[]), CAST(:seen AS integer[]))"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedCount:
    """How much one job parked for one cause."""

    job: str
    cause: str
    fingerprint: str
    count: int
    oldest_at: datetime


class ParkedChanged(Contradiction):
    """What is parked changed since somebody decided about it; nothing was changed.

    Attributes:
        count: how much is selected now.
    """

    def __init__(self, count: int) -> None:
        super().__init__(
            f"what is parked changed meanwhile, now {count} are selected: look again;"
            " nothing was changed"
        )
        self.count = count


def parked_items(engine: Engine, selection: ParkedFilter) -> list[ParkedItem]:
    """The selected parked work, oldest first."""
    with reading(engine, "parked") as connection:
        return _select(connection, selection)


def parked_page(
    engine: Engine, selection: ParkedFilter, *, after: int, limit: int
) -> list[ParkedItem]:
    """Selected parked work in the order in which it was parked first, behind an id."""
    params = {**asdict(selection), "after": after, "limit": limit}
    with reading(engine, "parked") as connection:
        rows = connection.execute(text(_PAGE), params).mappings()
        return [ParkedItem(**row) for row in rows]


def parked_counts(engine: Engine, selection: ParkedFilter) -> list[ParkedCount]:
    """The selected parked work by cause, the most frequent first."""
    with reading(engine, "parked") as connection:
        rows = connection.execute(text(_COUNTS), asdict(selection)).mappings()
        return [ParkedCount(**row) for row in rows]


def requeue(
    engine: Engine,
    selection: ParkedFilter,
    decision: OperatorDecision,
    *,
    version: str | None = None,
) -> list[ParkedItem]:
    """Have parked work done again; returns what was parked.

    Args:
        engine: the database.
        selection: the work to do again.
        decision: who decided, and why.
        version: ``version_of`` the work that the decision is about; None: whatever is selected.

    Raises:
        ParkedChanged: other work is selected now; nothing is changed.
        Unavailable: the database is out of reach; nothing is changed.
    """
    with transaction(engine, "requeue") as connection:
        items = _select(connection, selection)
        requeued = _take(connection, items, _REQUEUE, version)
        _audit(connection, requeued, "queue.requeued", decision)
        return requeued


def discard(
    engine: Engine,
    selection: ParkedFilter,
    decision: OperatorDecision,
    *,
    version: str | None = None,
) -> list[ParkedItem]:
    """Give up parked work for good; returns what was parked. The audit trail keeps all of it.

    Takes the same arguments as ``requeue``.

    Raises:
        Contradiction: some of it is accepted money; nothing is changed.
        ParkedChanged: other work is selected now; nothing is changed.
        Unavailable: the database is out of reach; nothing is changed.
    """
    with transaction(engine, "discard") as connection:
        items = _select(connection, selection)
        refuse_money(items)
        discarded = _take(connection, items, _DISCARD, version)
        _audit(connection, discarded, "queue.discarded", decision)
        return discarded


def version_of(items: Sequence[ParkedItem]) -> str:
    """A digest of what is parked; it changes when anything is parked, again, or no more."""
    lines = sorted(f"{item.parked_id} {item.times}" for item in items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _take(
    connection: Connection, items: list[ParkedItem], statement: str, version: str | None
) -> list[ParkedItem]:
    """Take the items away by a function of the database; leave out those that are gone.

    Raises:
        ParkedChanged: they are not those of the version.
    """
    params = {
        "ids": [item.parked_id for item in items],
        "seen": [item.times for item in items],
    }
    ids = set(connection.execute(text(statement), params).scalars())
    selected = [item for item in items if item.parked_id in ids]
    if version is not None and version != version_of(selected):
        raise ParkedChanged(len(selected))
    return selected


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


def _select(connection: Connection, selection: ParkedFilter) -> list[ParkedItem]:
    rows = connection.execute(text(_SELECT), asdict(selection)).mappings()
    return [ParkedItem(**row) for row in rows]


def _audit(
    connection: Connection, items: list[ParkedItem], action: str, decision: OperatorDecision
) -> None:
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
