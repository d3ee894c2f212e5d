"""Paused queues, canaries and heartbeats: what workers and schedulers share about themselves.

Tables touched: ``paused_queues`` (read), ``canaries`` and ``worker_heartbeats`` (written).

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from storage.transactions import reading, transaction

_PAUSED = "SELECT queue FROM paused_queues"

# A canary that does not come out is followed by another only after a while, so that a queue
# which nobody reads does not fill up with them. Until one comes out, passed_at is when the
# first was sent: each further one would else make the silence look young.
_NEXT_CANARY = """
INSERT INTO canaries AS c (queue, number, sent_at, passed_at)
VALUES (:queue, 1, clock_timestamp(), clock_timestamp())
ON CONFLICT (queue) DO UPDATE
   SET number = c.number + 1, sent_at = clock_timestamp(),
       passed_at = coalesce(c.passed_at, c.sent_at)
 WHERE (c.passed = c.number AND c.sent_at < clock_timestamp() - CAST(:every AS interval))
    OR c.sent_at < clock_timestamp() - CAST(:lost_after AS interval)
RETURNING number
"""
_CANARY_PASSED = """
UPDATE canaries SET passed = greatest(passed, :number), passed_at = clock_timestamp(),
       passed_by = :worker
 WHERE queue = :queue AND number >= :number
"""
_RELEASE_CANARY = """
UPDATE canaries SET sent_at = clock_timestamp() - CAST(:lost_after AS interval)
 WHERE queue = :queue AND number = :number
"""
_BEAT = """
INSERT INTO worker_heartbeats (worker, role, host, pid, version, started_at, seen_at)
VALUES (:worker, :role, :host, :pid, :version, :started_at, clock_timestamp())
ON CONFLICT (worker) DO UPDATE SET seen_at = clock_timestamp()
"""
_LEAVE = "DELETE FROM worker_heartbeats WHERE worker = :worker"
_FORGET = "DELETE FROM worker_heartbeats WHERE seen_at < clock_timestamp() - interval '1 day'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A worker or scheduler process.

    Attributes:
        name: unique among all processes that ever ran.
        role: ``worker`` or ``scheduler``.
    """

    name: str
    role: str
    host: str
    pid: int
    version: str
    started_at: datetime


def paused_queues(engine: Engine) -> frozenset[str]:
    """The queues that workers must leave alone now."""
    with reading(engine, "pauses") as connection:
        return frozenset(connection.execute(text(_PAUSED)).scalars())


def claim_canary(
    engine: Engine, queue: str, *, every: timedelta, lost_after: timedelta
) -> int | None:
    """The number of the canary to send through the queue now; None: none is due.

    If several schedulers ask, one of them gets the number.

    Args:
        engine: the database.
        queue: the queue to probe.
        every: least time between two canaries.
        lost_after: a canary that has not come out for so long counts as lost, and another
            follows.
    """
    params = {"queue": queue, "every": every, "lost_after": lost_after}
    return _write(engine, "canary", _NEXT_CANARY, params)


def release_canary(engine: Engine, queue: str, number: int, *, lost_after: timedelta) -> None:
    """Give back a number whose canary could not be sent, so that another follows at once."""
    params = {"queue": queue, "number": number, "lost_after": lost_after}
    _write(engine, "canary", _RELEASE_CANARY, params)


def record_canary_arrival(engine: Engine, queue: str, number: int, *, worker: str) -> None:
    """Record that a canary reached a worker."""
    params = {"queue": queue, "number": number, "worker": worker}
    _write(engine, "canary", _CANARY_PASSED, params)


def register(engine: Engine, worker: ProcessIdentity) -> None:
    """Record a process that starts; remove what processes killed days ago left behind."""
    _write(engine, "heartbeat", _FORGET, {})
    beat(engine, worker)


def beat(engine: Engine, worker: ProcessIdentity) -> None:
    """Record that a process makes progress."""
    params = {
        "worker": worker.name,
        "role": worker.role,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "started_at": worker.started_at,
    }
    _write(engine, "heartbeat", _BEAT, params)


def remove_heartbeat(engine: Engine, worker: ProcessIdentity) -> None:
    """Remove the heartbeat of a process that stops in an orderly way."""
    _write(engine, "heartbeat", _LEAVE, {"worker": worker.name})


def _write(
    engine: Engine, subject: str, statement: str, params: dict[str, object]
) -> int | None:
    with transaction(engine, subject) as connection:
        result = connection.execute(text(statement), params)
        return result.scalar() if result.returns_rows else None
