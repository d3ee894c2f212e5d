"""Paused queues, canaries and heartbeats: what workers and schedulers write about themselves.

Tables touched: ``paused_queues`` (read), ``canaries`` and ``workers_seen`` (written).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable

_PAUSED = "SELECT queue FROM paused_queues"

# A canary that does not come out is sent again only after a while: a queue that nobody reads
# shall not fill up with them.
_ASK = """
INSERT INTO canaries AS c (queue, number, asked_at) VALUES (:queue, 1, clock_timestamp())
ON CONFLICT (queue) DO UPDATE SET number = c.number + 1, asked_at = clock_timestamp()
 WHERE (c.passed = c.number AND c.asked_at < clock_timestamp() - :every)
    OR c.asked_at < clock_timestamp() - :lost
RETURNING number
"""
_CAME_OUT = """
UPDATE canaries SET passed = greatest(passed, :number), passed_at = clock_timestamp(),
       passed_by = :by
 WHERE queue = :queue AND number >= :number
"""
_BEAT = """
INSERT INTO workers_seen (worker, role, host, pid, version, started_at, seen_at)
VALUES (:worker, :role, :host, :pid, :version, :started_at,
        clock_timestamp())
ON CONFLICT (worker) DO UPDATE SET seen_at = clock_timestamp()
"""
_LEAVE = "DELETE FROM workers_seen WHERE worker = :worker"
_FORGET = "DELETE FROM workers_seen WHERE seen_at < clock_timestamp() - interval '1 day'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that works off queues or keeps the schedule.

    Attributes:
        name: unique among all that ever ran.
        role: ``worker`` or ``scheduler``.
    """

    name: str
    role: str
    host: str
    pid: int
    version: str
    started_at: datetime


def paused_queues(engine: Engine) -> frozenset[str]:
    """The queues that are to be left alone now.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            return frozenset(connection.execute(text(_PAUSED)).scalars())
    except OperationalError as error:
        raise Unavailable("pauses: the database is out of reach") from error


def ask_canary(engine: Engine, queue: str, *, every: timedelta, lost: timedelta) -> int | None:
    """The number of the canary to send through the queue now, or None: it is not time.

    Any number of schedulers may ask: one of them is given the number.

    Args:
        engine: the database.
        queue: which one.
        every: least distance between two canaries.
        lost: a canary that did not come out for so long is given up and followed by another.

    Raises:
        Unavailable: the database is out of reach.
    """
    given = {"queue": queue, "every": every, "lost": lost}
    return _changed(engine, "canary", _ASK, given)


def pass_canary(engine: Engine, queue: str, number: int, *, by: str) -> None:
    """Note that a canary came out of the queue at the worker of that name.

    Raises:
        Unavailable: the database is out of reach.
    """
    _changed(engine, "canary", _CAME_OUT, {"queue": queue, "number": number, "by": by})


def beat(engine: Engine, worker: Worker) -> None:
    """Note that a process makes progress.

    Raises:
        Unavailable: the database is out of reach.
    """
    given = {
        "worker": worker.name,
        "role": worker.role,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "started_at": worker.started_at,
    }
    _changed(engine, "heartbeat", _BEAT, given)


def leave(engine: Engine, worker: Worker) -> None:
    """Take an orderly leave: a process that was stopped is not missed.

    Raises:
        Unavailable: the database is out of reach.
    """
    _changed(engine, "heartbeat", _LEAVE, {"worker": worker.name})
    _changed(engine, "heartbeat", _FORGET, {})


def _changed(engine: Engine, what: str, statement: str, given: dict[str, object]) -> int | None:
    try:
        with engine.begin() as connection:
            told = connection.execute(text(statement), given)
            return told.scalar() if told.returns_rows else None
    except OperationalError as error:
        raise Unavailable(f"{what}: the database is out of reach") from error
