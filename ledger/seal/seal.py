"""Seal days, and prove later that nothing in a sealed day has changed.

A seal is the SHA-256 of a day's canonical lines. The first line names the seal of the day
before, so the newest seal covers all days. A seal kept outside the database proves its day and
all days before it.

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, Engine, text

from ledger.seal.canonical_lines import (
    TABLES,
    Layout,
    current_layout,
    day_bounds,
    day_lines,
    fix_output_format,
    header_line,
    trailer_line,
)
from storage.archive.row_cut import require_rows_since, rows_begin_at
from storage.transactions import outages, reading, snapshot, transaction
from vocabulary.errors import Contradiction, Malformed, Unavailable
from vocabulary.plurals import counted

#: The previous seal of the first day.
GENESIS = "0" * 64
#: Longest wait for transactions that may still write into the day, in seconds.
WRITERS_WAIT_S = 60
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
_FIRST = "SELECT min(day) FROM seals"
_NEWEST = "SELECT day, sealed_at FROM seals ORDER BY day DESC LIMIT 1"
_UNFINISHED = """
SELECT batch_id, parked_at IS NOT NULL AS parked, count(*) OVER () AS total FROM batches b
 WHERE committed_at >= :since AND committed_at < :until AND posted_at IS NULL
 ORDER BY batch_id LIMIT :limit
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

_NEIGHBOURS = """
SELECT s.sealed_at,
       (SELECT hash FROM seals WHERE day = s.day - 1) AS hash_before,
       (SELECT previous FROM seals WHERE day = s.day + 1) AS named_after,
       (SELECT max(day) FROM seals) AS last_day
  FROM seals s WHERE s.day = :day
"""

#: Called with the number of further lines read.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealStatus:
    """How far the days are sealed.

    Attributes:
        day, sealed_at: of the newest seal; None: no day is sealed.
        unsealed_days: days that are over (UTC) and not sealed; 0 while nothing is booked.
    """

    day: date | None
    sealed_at: datetime | None
    unsealed_days: int


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
class SealNeighbours:
    """Where a seal is in the chain of days.

    Attributes:
        hash_before: of the day before; None: it has none.
        named_after: what the seal of the day after names as its predecessor; None: there is
            no such seal.
        last_day: the newest sealed day.
    """

    sealed_at: datetime
    hash_before: str | None
    named_after: str | None
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckResult:
    """A sealed day, hashed again; ``wrong`` names what differs from its seal.

    Attributes:
        is_away: rows of the day left for its archive, whose files give the seal; only its place
            in the chain of seals was checked.
    """

    seal: Seal
    wrong: tuple[str, ...]
    is_away: bool = False


def seal_day(engine: Engine, day: date, *, progress: Progress) -> Seal:
    """Seal a day; days are sealed in order.

    Raises:
        Malformed: another day is due, or the day is not over.
        Contradiction: batches of the day are not posted or are parked; names them.
        Unavailable: the database is out of reach, or a transaction of that day does not end.
    """
    with reading(engine, "seal") as connection:
        _refuse_out_of_order(connection, day)
    _wait_for_writers(engine)
    with open_seal_snapshot(engine) as connection:
        _refuse_unfinished(connection, day)
        seals = _seals(connection, " ORDER BY day DESC LIMIT 1")
        previous = seals[0].hash if seals else GENESIS
        layout = current_layout(connection)
        seal = _compute_seal(connection, day, previous, layout, progress)
    with transaction(engine, "seal") as connection:
        row = {"day": day, "previous": previous, "hash": seal.hash, **seal.counts}
        row["layout"] = json.dumps(seal.layout)
        connection.execute(text(_INSERT), row)
    return seal


def seal_of(engine: Engine, day: date) -> Seal | None:
    """The seal of a day, or None if it has none."""
    with reading(engine, "seal") as connection:
        seals = _seals(connection, " WHERE day = :day", {"day": day})
    return seals[0] if seals else None


def first_sealed_day(connection: Connection) -> date | None:
    """The first day that was ever sealed; None: there is none."""
    first: date | None = connection.execute(text(_FIRST)).scalar_one()
    return first


def sealed_days(connection: Connection, first: date, last: date) -> list[Seal]:
    """The seals of the days from ``first`` to ``last``, both included, in order."""
    clause = " WHERE day BETWEEN :first AND :last ORDER BY day"
    return _seals(connection, clause, {"first": first, "last": last})


def neighbours_of(engine: Engine, seal: Seal) -> SealNeighbours:
    """The seals around one, whose hashes show whether the chain holds here."""
    with reading(engine, "seal") as connection:
        row = connection.execute(text(_NEIGHBOURS), {"day": seal.day}).mappings().one()
    return SealNeighbours(**row)


def recheck(engine: Engine, day: date | None, *, progress: Progress) -> Iterator[RecheckResult]:
    """Hash one sealed day or all of them again, oldest first, and compare with the seals.

    Of a day whose rows left for an archive, only the link to the day before is checked.
    """
    with open_seal_snapshot(engine) as connection:
        previous: Seal | None = None
        cut = rows_begin_at(connection)
        for seal in _seals(connection, " ORDER BY day"):
            if day in {None, seal.day}:
                wrong = _chain_faults(seal, previous)
                is_away = cut is not None and day_bounds(seal.day)["since"] < cut
                if not is_away:
                    wrong += _content_faults(connection, seal, progress)
                yield RecheckResult(seal=seal, wrong=tuple(wrong), is_away=is_away)
            previous = seal


def exported_lines(engine: Engine, seal: Seal, *, progress: Progress) -> Iterator[bytes]:
    """The lines of a sealed day's file; the last line holds the hash they have now.

    Raises:
        RowsAreAway: rows of the day left for its archive.
    """
    with open_seal_snapshot(engine) as connection:
        require_rows_since(connection, day_bounds(seal.day)["since"], f"the file of {seal.day}")
        digest = _Digest()
        yield digest.add("", header_line(seal.day, seal.previous, seal.layout))
        for name, line in day_lines(connection, seal.day, seal.layout):
            yield digest.add(name, line)
            progress(1)
        yield trailer_line(digest.hex(), digest.counts)


class _Digest:
    """The running hash and row counts of a day."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.counts = dict.fromkeys(TABLES.values(), 0)

    def add(self, name: str, line: bytes) -> bytes:
        self._hash.update(line)
        if name:
            self.counts[TABLES[name]] += 1
        return line

    def hex(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def open_seal_snapshot(engine: Engine, subject: str = "seal") -> Iterator[Connection]:
    """A snapshot of the database that prints rows as they are sealed."""
    with snapshot(engine, subject) as connection:
        fix_output_format(connection)
        yield connection


def _compute_seal(
    connection: Connection, day: date, previous: str, layout: Layout, progress: Progress
) -> Seal:
    digest = _Digest()
    digest.add("", header_line(day, previous, layout))
    for name, line in day_lines(connection, day, layout):
        digest.add(name, line)
        progress(1)
    return Seal(
        day=day, previous=previous, hash=digest.hex(), counts=digest.counts, layout=layout
    )


def _refuse_out_of_order(connection: Connection, day: date) -> None:
    next_day, first_day, today = connection.execute(text(_NEXT)).one()
    due = next_day or first_day
    if due is None:
        raise Malformed(day.isoformat(), "there is nothing to seal yet")
    if day != due:
        raise Malformed(day.isoformat(), f"the day to seal next is {due.isoformat()}")
    if day >= today:
        raise Malformed(day.isoformat(), "the day is not over (UTC)")


def next_day_over(connection: Connection) -> date | None:
    """The day that is to be sealed next, if it is over; else None."""
    next_day, first_day, today = connection.execute(text(_NEXT)).one()
    due: date | None = next_day or first_day
    return due if due is not None and due < today else None


def read_seal_status(connection: Connection) -> SealStatus:
    """The newest seal, and how many days that are over wait for theirs."""
    next_day, first_day, today = connection.execute(text(_NEXT)).one()
    newest = connection.execute(text(_NEWEST)).one_or_none()
    due = next_day or first_day
    return SealStatus(
        day=None if newest is None else newest.day,
        sealed_at=None if newest is None else newest.sealed_at,
        unsealed_days=0 if due is None else max((today - due).days, 0),
    )


def _refuse_unfinished(connection: Connection, day: date) -> None:
    parameters = {**day_bounds(day), "limit": _NAMED_MAX}
    rows = connection.execute(text(_UNFINISHED), parameters).all()
    if rows:
        named = ", ".join(f"{row[0]} ({'parked' if row[1] else 'not posted'})" for row in rows)
        raise Contradiction(
            f"{day.isoformat()} cannot be sealed: {rows[0].total} of its batches are not "
            f"posted: {named}"
        )


def _wait_for_writers(engine: Engine) -> None:
    """Wait until all transactions that may still write into the day have ended.

    Only transactions that have written hold an id, so this does not wait for idle readers.
    """
    with (
        outages("seal"),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        _, youngest = connection.execute(text(_SNAPSHOT)).one()
        for _ in range(int(WRITERS_WAIT_S / _POLL_S)):
            oldest, _ = connection.execute(text(_SNAPSHOT)).one()
            if oldest >= youngest:
                return
            time.sleep(_POLL_S)
    raise Unavailable("seal: an open transaction may still write into the day; try again")


def _seals(
    connection: Connection, clause: str, parameters: Mapping[str, object] | None = None
) -> list[Seal]:
    return [
        Seal(
            day=row.day,
            previous=row.previous,
            hash=row.hash,
            layout=row.layout,
            counts={table: getattr(row, table) for table in TABLES.values()},
        )
        for row in connection.execute(text(_SEAL + clause), dict(parameters or {}))
    ]


def _chain_faults(seal: Seal, previous: Seal | None) -> list[str]:
    """What is wrong with the link to the seal of the day before."""
    faults = []
    expected = GENESIS if previous is None else previous.hash
    if seal.previous != expected:
        faults.append(f"it follows {seal.previous[:12]}…, the day before has {expected[:12]}…")
    if previous is not None and seal.day != previous.day + timedelta(days=1):
        faults.append(f"the seal before it is of {previous.day.isoformat()}")
    return faults


def _content_faults(connection: Connection, seal: Seal, progress: Progress) -> list[str]:
    """What is not as it was sealed: row counts, hash."""
    current = _compute_seal(connection, seal.day, seal.previous, seal.layout, progress)
    faults = [
        f"{table}: {counted(count, 'row was sealed', 'rows were sealed')}"
        f", {current.counts[table]} are there"
        for table, count in seal.counts.items()
        if current.counts[table] != count
    ]
    if current.hash != seal.hash:
        faults.append(f"the hash is {current.hash[:12]}…, sealed was {seal.hash[:12]}…")
    return faults
