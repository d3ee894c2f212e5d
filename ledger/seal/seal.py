"""Seal days, and prove later that nothing in a sealed day has changed.

A seal is the SHA-256 of a day's canonical lines; the first of them names the seal of the day
before, so the newest seal vouches for all of them. Whoever keeps one outside can prove all the
days before it.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger.seal.canonical_lines import (
    TABLES,
    Layout,
    day_bounds,
    fix_session,
    header,
    layout_of,
    lines,
    trailer,
)
from vocabulary.errors import Contradiction, Malformed, Unavailable

#: What the first seal follows.
GENESIS = "0" * 64
#: Longest wait for transactions that began before the day's end, in seconds.
STRAGGLERS_S = 60
_POLL_S = 0.2  # not money
_NAMED_MAX = 10

_NEXT = """
SELECT (SELECT max(day) + 1 FROM seals),
       (SELECT (min(committed_at) AT TIME ZONE 'UTC')::date FROM batches),
       (clock_timestamp() AT TIME ZONE 'UTC')::date
"""
_SEAL = (
    "SELECT day, previous, hash, layout, batches, operations, entries, deliveries, residuals,"
    " residual_entries FROM seals"
)
_UNFINISHED = """
SELECT batch_id, parked_at IS NOT NULL AS parked, count(*) OVER () AS total FROM batches b
 WHERE committed_at >= :since AND committed_at < :until AND posted_at IS NULL
 ORDER BY batch_id LIMIT :most
"""
_INSERT = """
INSERT INTO seals (day, previous, hash, layout, batches, operations, entries, deliveries,
                   residuals, residual_entries)
VALUES (:day, :previous, :hash, :layout, :batches, :operations, :entries,
        :deliveries, :residuals, :residual_entries)
"""
_SNAPSHOT = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""

#: Told how many more lines were read.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One sealed day.

    Attributes:
        previous: the hash of the day before.
        counts: rows by table.
        layout: the columns that were hashed, by table.
    """

    day: date
    previous: str
    hash: str
    counts: dict[str, int]
    layout: Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckResult:
    """A sealed day read again; ``wrong`` says what is not as it was sealed."""

    seal: Seal
    found: str
    wrong: tuple[str, ...]


def seal_day(engine: Engine, day: date, *, progress: Progress) -> Seal:
    """Seal the day that is due.

    Raises:
        Malformed: another day is due, or the day is not over.
        Contradiction: batches of the day are not posted or are parked; names them.
        Unavailable: the database is out of reach, or a writer from that day does not end.
    """
    try:
        with engine.connect() as connection:
            _refuse_out_of_order(connection, day)
        _outlast_writers(engine)
        with snapshot(engine) as connection:
            _refuse_unfinished(connection, day)
            latest = _latest(connection)
            previous = GENESIS if latest is None else latest.hash
            seal = _computed(connection, day, previous, layout_of(connection), progress)
        with engine.begin() as connection:
            row = {"day": day, "previous": previous, "hash": seal.hash, **seal.counts}
            row["layout"] = json.dumps(seal.layout)
            connection.execute(text(_INSERT), row)
    except OperationalError as error:
        raise Unavailable("seal: the database is out of reach") from error
    return seal


def seal_of(engine: Engine, day: date) -> Seal | None:
    """The seal of a day, or None when it has none.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            found = _seals(connection, " WHERE day = :day", {"day": day})
    except OperationalError as error:
        raise Unavailable("seal: the database is out of reach") from error
    return found[0] if found else None


def recheck(engine: Engine, day: date | None, *, progress: Progress) -> Iterator[RecheckResult]:
    """Read sealed days again, oldest first, and compare them with their seals.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with snapshot(engine) as connection:
            due, before = GENESIS, None
            for seal in _seals(connection, " ORDER BY day"):
                wrong = _unchained(seal, due, before)
                due, before = seal.hash, seal.day
                if day in {None, seal.day}:
                    yield _rechecked(connection, seal, wrong, progress)
    except OperationalError as error:
        raise Unavailable("seal: the database is out of reach") from error


def exported(engine: Engine, seal: Seal, *, progress: Progress) -> Iterator[bytes]:
    """The lines of a sealed day as a file holds them, with the hash they have now at the end.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with snapshot(engine) as connection:
            digest = _Digest()
            yield digest.take("", header(seal.day, seal.previous, seal.layout))
            for name, line in lines(connection, seal.day, seal.layout):
                yield digest.take(name, line)
                progress(1)
            yield trailer(digest.hex(), digest.counts)
    except OperationalError as error:
        raise Unavailable("seal: the database is out of reach") from error


class _Digest:
    """The running hash and row counts of a day."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.counts = dict.fromkeys(TABLES.values(), 0)

    def take(self, name: str, line: bytes) -> bytes:
        self._hash.update(line)
        if name:
            self.counts[TABLES[name]] += 1
        return line

    def hex(self) -> str:
        return self._hash.hexdigest()


def snapshot(engine: Engine) -> Any:
    """A connection whose reads all see one instant."""
    connection = engine.connect()
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    fix_session(connection)
    return connection


def _computed(
    connection: Connection, day: date, previous: str, layout: Layout, progress: Progress
) -> Seal:
    digest = _Digest()
    digest.take("", header(day, previous, layout))
    for name, line in lines(connection, day, layout):
        digest.take(name, line)
        progress(1)
    return Seal(
        day=day, previous=previous, hash=digest.hex(), counts=digest.counts, layout=layout
    )


def _refuse_out_of_order(connection: Connection, day: date) -> None:
    following, first, today = connection.execute(text(_NEXT)).one()
    due = following or first
    if due is None:
        raise Malformed(day.isoformat(), "there is nothing to seal yet")
    if day != due:
        raise Malformed(day.isoformat(), f"the day to seal next is {due.isoformat()}")
    if day >= today:
        raise Malformed(day.isoformat(), "the day is not over (UTC)")


def _refuse_unfinished(connection: Connection, day: date) -> None:
    wanted = {**day_bounds(day), "most": _NAMED_MAX}
    rows = connection.execute(text(_UNFINISHED), wanted).all()
    if rows:
        named = ", ".join(f"{row[0]} ({'parked' if row[1] else 'not posted'})" for row in rows)
        raise Contradiction(
            f"{day.isoformat()} cannot be sealed: {rows[0].total} of its batches are not "
            f"booked: {named}"
        )


def _outlast_writers(engine: Engine) -> None:
    """Wait until whoever may still write into the day has ended.

    Only transactions that have written hold an id, so idle readers are not waited for.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _, youngest = connection.execute(text(_SNAPSHOT)).one()
        for _ in range(int(STRAGGLERS_S / _POLL_S)):
            oldest, _ = connection.execute(text(_SNAPSHOT)).one()
            if oldest >= youngest:
                return
            time.sleep(_POLL_S)
    raise Unavailable("seal: a transaction that began before now does not end; try again")


def _seals(connection: Connection, which: str, wanted: Any = None) -> list[Seal]:
    return [
        Seal(
            day=row.day,
            previous=row.previous,
            hash=row.hash,
            layout=row.layout,
            counts={table: getattr(row, table) for table in TABLES.values()},
        )
        for row in connection.execute(text(_SEAL + which), wanted or {})
    ]


def _latest(connection: Connection) -> Seal | None:
    found = _seals(connection, " ORDER BY day DESC LIMIT 1")
    return found[0] if found else None


def _unchained(seal: Seal, due: str, before: date | None) -> list[str]:
    wrong = []
    if seal.previous != due:
        wrong.append(f"it follows {seal.previous[:12]}…, the day before has {due[:12]}…")
    if before is not None and seal.day != before + timedelta(days=1):
        wrong.append(f"the seal before it is of {before.isoformat()}")
    return wrong


def _rechecked(
    connection: Connection, seal: Seal, wrong: list[str], progress: Progress
) -> RecheckResult:
    found = _computed(connection, seal.day, seal.previous, seal.layout, progress)
    for table, count in seal.counts.items():
        if found.counts[table] != count:
            wrong.append(f"{table}: {count} rows were sealed, {found.counts[table]} are there")
    if found.hash != seal.hash:
        wrong.append(f"the hash is {found.hash[:12]}…, sealed was {seal.hash[:12]}…")
    return RecheckResult(seal=seal, found=found.hash, wrong=tuple(wrong))
