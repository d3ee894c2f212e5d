"""The queues as PostgreSQL sees them: waiting work, parked work, pauses, canaries, heartbeats.

One snapshot holds all of it. Ages are in seconds by the database's clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from storage.transactions import snapshot

_AGE = "coalesce(extract(epoch FROM clock_timestamp() - {}), 0)::float8"

_WAITING = f"""
SELECT 'unposted' AS work, count(*), coalesce(sum(operations), 0)::bigint AS items,
       {_AGE.format("min(committed_at)")} AS oldest_s
  FROM batches WHERE posted_at IS NULL AND parked_at IS NULL
UNION ALL
SELECT 'uningested', count(*), count(*), {_AGE.format("min(received_at)")}
  FROM deliveries
 WHERE verdict IN ('recorded', 'malformed') AND ingested_at IS NULL AND parked_at IS NULL
UNION ALL
SELECT 'unrecalled', count(*), count(*), {_AGE.format("min(wanted_at)")}
  FROM recalls WHERE came_at IS NULL
"""  # noqa: S608 - constants of this module
_PARKED = f"""
SELECT fingerprint, job, cause, count(*), sum(times)::bigint AS times,
       {_AGE.format("min(parked_at)")} AS oldest_s, min(subject) AS example
  FROM parked GROUP BY fingerprint, job, cause ORDER BY min(parked_at), fingerprint
"""  # noqa: S608 - constants of this module
_PAUSED = "SELECT queue, paused_at, paused_by, reason AS why FROM paused_queues ORDER BY queue"
_CANARIES = f"""
SELECT queue, number - passed AS missing, {_AGE.format("passed_at")} AS passed_s,
       {_AGE.format("CASE WHEN passed > 0 THEN sent_at ELSE coalesce(passed_at, sent_at) END")}
           AS asked_s,
       passed > 0 AS has_passed, passed_by
  FROM canaries ORDER BY queue
"""  # noqa: S608 - constants of this module
_WORKERS = f"""
SELECT worker, role, host, pid, version, {_AGE.format("seen_at")} AS seen_s
  FROM worker_heartbeats ORDER BY role, worker
"""  # noqa: S608 - constants of this module
_OVERDUE = """
SELECT job, slot, attempts FROM job_runs
 WHERE done_at IS NULL AND lease_until < clock_timestamp() ORDER BY job, slot
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingWork:
    """Waiting work: batches with operations, deliveries with records, or demands.

    Attributes:
        rows: batches, deliveries or demands.
        items: operations or records in them.
    """

    rows: int
    items: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedCause:
    """All work that was parked for one cause.

    Attributes:
        example: one of the subjects.
        times: how often it happened; one subject may fail several times.
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
    """A paused queue, and who paused it."""

    queue: str
    paused_at: datetime
    paused_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The probes of one queue.

    Attributes:
        missing: how many were sent since the last one that came out.
        passed_s: seconds since one came out; None: never.
        asked_s: seconds since one was sent; the first one, where none ever came out.
    """

    queue: str
    missing: int
    passed_s: float | None
    asked_s: float
    passed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """A process, and the seconds since its last progress."""

    worker: str
    role: str
    host: str
    pid: int
    version: str
    seen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """The whole state at one instant.

    Attributes:
        unrecalled: operations and rounds that are wanted back from an archive.
        overdue: (job, slot, attempts) of expired leases that nobody has taken over yet.
    """

    unposted: WaitingWork
    uningested: WaitingWork
    unrecalled: WaitingWork
    parked: tuple[ParkedCause, ...]
    paused: tuple[Pause, ...]
    canaries: tuple[Canary, ...]
    workers: tuple[ProcessState, ...]
    overdue: tuple[tuple[str, str, int], ...]


def read_state(engine: Engine) -> QueueState:
    """Read the whole state.

    Raises:
        Unavailable: the database is out of reach.
    """
    with snapshot(engine, "") as connection:
        return _read(connection)


def _read(connection: Connection) -> QueueState:
    waiting = {
        work: WaitingWork(rows=rows, items=items, oldest_s=oldest_s)
        for work, rows, items, oldest_s in connection.execute(text(_WAITING))
    }
    return QueueState(
        unposted=waiting["unposted"],
        uningested=waiting["uningested"],
        unrecalled=waiting["unrecalled"],
        parked=tuple(ParkedCause(**row) for row in _rows(connection, _PARKED)),
        paused=tuple(Pause(**row) for row in _rows(connection, _PAUSED)),
        canaries=tuple(_canary(row) for row in _rows(connection, _CANARIES)),
        workers=tuple(ProcessState(**row) for row in _rows(connection, _WORKERS)),
        overdue=tuple(tuple(row) for row in connection.execute(text(_OVERDUE))),
    )


def _canary(row: dict[str, Any]) -> Canary:
    has_passed = row.pop("has_passed")
    canary = Canary(**row)
    return canary if has_passed else replace(canary, passed_s=None)


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(query)).mappings()]
