"""What Postgres says of the queues: work that waits, work that is parked, signs of life.

Everything is read in one snapshot. Ages are in seconds by the database's clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable

_AGE = "coalesce(extract(epoch FROM clock_timestamp() - {}), 0)::float8"

_WAITING = f"""
SELECT 'unposted' AS what, count(*), coalesce(sum(operations), 0)::bigint AS items,
       {_AGE.format("min(committed_at)")} AS oldest_s
  FROM batches WHERE posted_at IS NULL AND parked_at IS NULL
UNION ALL
SELECT 'uningested', count(*), count(*), {_AGE.format("min(received_at)")}
  FROM deliveries WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
"""  # noqa: S608 - constants of this module
_PARKED = f"""
SELECT fingerprint, job, cause, count(*), sum(times)::bigint AS times,
       {_AGE.format("min(parked_at)")} AS oldest_s, min(subject) AS example
  FROM parked GROUP BY fingerprint, job, cause ORDER BY min(parked_at), fingerprint
"""  # noqa: S608 - constants of this module
_PAUSED = "SELECT queue, paused_at, paused_by, why FROM paused_queues ORDER BY queue"
_CANARIES = f"""
SELECT queue, number - passed AS missing, {_AGE.format("passed_at")} AS passed_s,
       {_AGE.format("asked_at")} AS asked_s, passed_at IS NOT NULL AS has_passed, passed_by
  FROM canaries ORDER BY queue
"""  # noqa: S608 - constants of this module
_WORKERS = f"""
SELECT worker, role, host, pid, version, {_AGE.format("seen_at")} AS seen_s
  FROM workers_seen ORDER BY role, worker
"""  # noqa: S608 - constants of this module
_OVERDUE = """
SELECT job, slot, attempts FROM job_runs
 WHERE done_at IS NULL AND lease_until < clock_timestamp() ORDER BY job, slot
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingWork:
    """Work that waits: ``rows`` of it, holding so many ``items``."""

    rows: int
    items: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedCause:
    """Everything that was parked for one cause.

    Attributes:
        example: the subject of one of them.
        times: how often it happened; a subject may fail more than once.
    """

    fingerprint: str
    job: str
    cause: str
    count: int
    times: int
    oldest_s: float
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A queue that is left alone, and who said so."""

    queue: str
    paused_at: datetime
    paused_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The probes of one queue.

    Attributes:
        missing: sent since the last one that came out.
        passed_s: seconds since one came out, or None: never.
        asked_s: seconds since one was sent.
    """

    queue: str
    missing: int
    passed_s: float | None
    asked_s: float
    passed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """A process, and the seconds since it last showed progress."""

    worker: str
    role: str
    host: str
    pid: int
    version: str
    seen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """All of it, as of one instant.

    Attributes:
        overdue: (job, slot, attempts) that were claimed, not completed, and not yet taken over.
    """

    unposted: WaitingWork
    uningested: WaitingWork
    parked: tuple[ParkedCause, ...]
    paused: tuple[Pause, ...]
    canaries: tuple[Canary, ...]
    workers: tuple[ProcessState, ...]
    overdue: tuple[tuple[str, str, int], ...]


def read_state(engine: Engine) -> QueueState:
    """Read all of it.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect().execution_options(
            isolation_level="REPEATABLE READ"
        ) as connection:
            return _read(connection)
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error


def _read(connection: Connection) -> QueueState:
    waiting = {
        what: WaitingWork(rows=rows, items=items, oldest_s=oldest_s)
        for what, rows, items, oldest_s in connection.execute(text(_WAITING))
    }
    return QueueState(
        unposted=waiting["unposted"],
        uningested=waiting["uningested"],
        parked=tuple(ParkedCause(**row) for row in _rows(connection, _PARKED)),
        paused=tuple(Pause(**row) for row in _rows(connection, _PAUSED)),
        canaries=tuple(_canary(row) for row in _rows(connection, _CANARIES)),
        workers=tuple(ProcessState(**row) for row in _rows(connection, _WORKERS)),
        overdue=tuple((j, s, a) for j, s, a in connection.execute(text(_OVERDUE))),
    )


def _canary(row: dict[str, Any]) -> Canary:
    has_passed = row.pop("has_passed")
    found = Canary(**row)
    return found if has_passed else replace(found, passed_s=None)


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(text(query))]
