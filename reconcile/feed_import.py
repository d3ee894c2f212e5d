"""Taking in a statement file: the whole file kept, its lines stored or not, its faults told.

    feed_files, feed_file_parts   the file, whatever becomes of it
    feed_records, feed_versions   the lines that could be read
    feed_findings                 those that could not, and what is wrong with the file

All of it is one transaction. A file is quarantined, that is kept and not taken in, when nothing
of it can be read, when another file tells of the same day, or when it has any error and the
settings ask for all or nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from reconcile.feed_closes import note_restatements
from reconcile.feed_file import StatementReader
from reconcile.feed_findings import FindingKind, Found, Severity, cured, note, severity_of
from reconcile.feed_gaps import day_window, missing_days, missing_numbers
from reconcile.feed_table import Broken
from reconcile.feeds import FeedCount, store_statement
from reconcile.window import Window
from vocabulary.facts import HistoryRecord

#: The feed of files.
STATEMENT = "statement"
#: Bytes of a file kept in one row.
PART_BYTES = 1 << 20

_NOTHING = FeedCount(received=0, versions=0, stored=0)
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('feed ' || :provider, 0))"
_KEEP = """
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, verdict, records,
                        refused)
VALUES (:provider, :feed, :name, :digest, :size, :now, 'quarantined', 0, 0)
ON CONFLICT ON CONSTRAINT feed_files_once DO NOTHING RETURNING file_id
"""
_KNOWN = """
SELECT file_id FROM feed_files
 WHERE provider = :provider AND feed = :feed AND digest = :digest
"""
_PART = "INSERT INTO feed_file_parts (file_id, part, bytes) VALUES (:file_id, :part, :bytes)"
_PARTS = "SELECT bytes FROM feed_file_parts WHERE file_id = :file_id ORDER BY part"
_HELD = "SELECT exists(SELECT FROM feed_files WHERE file_id = :file_id)"
_SETTLE = """
UPDATE feed_files
   SET business_day = :day, number = :number, covers_from = :first, covers_to = :last,
       verdict = :verdict, records = :records, refused = :refused
 WHERE file_id = :file_id
"""
_SAME_DAY = """
SELECT encode(digest, 'hex') AS scope, name, verdict FROM feed_files
 WHERE provider = :provider AND feed = :feed AND digest <> :digest
   AND (business_day = :day OR (business_day IS NULL AND name = :name))
 ORDER BY file_id
"""
_EARLIER = """
SELECT exists(SELECT FROM feed_files
               WHERE provider = :provider AND feed = :feed AND business_day < :day
                 AND verdict <> 'quarantined')
"""
_SEQUENCE = """
SELECT business_day, number FROM feed_files
 WHERE provider = :provider AND feed = :feed AND verdict <> 'quarantined'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is known of a file besides its bytes.

    Attributes:
        zone: in which the provider's days end.
        expects_daily: every day has a file, so a day without one is a gap.
        restates: it takes the place of an earlier file of the same day or name.
    """

    path: Path
    zone: ZoneInfo
    now: datetime
    expects_daily: bool = False
    restates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a file.

    Attributes:
        file_id: under which all of its bytes are kept.
        verdict: ``imported``, ``partly`` or ``quarantined``.
        count: what was stored; nothing of a file in quarantine.
        found: everything wrong with it.
        gaps, restatements: findings of the feed and of closed days that stand now.
        currencies: lines read, by currency.
    """

    file_id: int
    verdict: str
    day: date | None
    count: FeedCount
    found: tuple[Found, ...]
    gaps: int
    restatements: int
    currencies: dict[str, int]

    @property
    def has_errors(self) -> bool:
        """Whether anything was not read that should have been."""
        return any(severity_of(each.kind) is Severity.ERROR for each in self.found)


@dataclass(slots=True)
class _Watch:
    """What is seen of the lines as they pass: their faults, their time, their currencies."""

    name: str
    found: list[Found] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    currencies: dict[str, int] = field(default_factory=dict)

    def records(self, lines: Iterable[HistoryRecord | Broken]) -> Iterator[HistoryRecord]:
        """The records among the lines."""
        for each in lines:
            if isinstance(each, Broken):
                self.found.append(
                    Found(kind=each.kind, detail=each.reason, file=self.name, line=each.line)
                )
                continue
            at, code = each.created_at, each.currency
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)
            self.currencies[code] = self.currencies.get(code, 0) + 1
            yield each


def take_in(connection: Connection, reader: StatementReader, arrival: Arrival) -> Taken:
    """Take in a statement file, within the caller's transaction; the same file is a no-op.

    Raises:
        OSError: the file cannot be read.
    """
    slug, name = reader.provider.slug, arrival.path.name
    connection.execute(text(_LOCK), {"provider": slug})
    with arrival.path.open("rb") as stream:
        file_id, digest = _keep(connection, slug, name, stream, arrival.now)
    watch = _Watch(name)
    day, number = _day_named(reader, name), _number_named(reader, name)
    trial = connection.begin_nested()
    count = _stored(connection, reader, arrival, watch, day)
    day = day or _day_told(watch, arrival.zone)
    others = _others(connection, slug, name, digest, day)
    found = [*watch.found, *_repeated(count, name), *_rivals(others, reader, arrival, day)]
    verdict = _verdict(reader, count, found)
    if verdict == "quarantined":
        trial.rollback()
    else:
        trial.commit()
    settled = {
        "file_id": file_id,
        "day": day,
        "number": number,
        "first": watch.first,
        "last": watch.last,
        "verdict": verdict,
        "records": count.received,
        "refused": len(watch.found),
    }
    connection.execute(text(_SETTLE), settled)
    kept = _NOTHING if verdict == "quarantined" else count
    told = _placed(found, watch, day, arrival.zone)
    # Findings belong to the bytes of a file; a file that restates others ends theirs.
    said = (*told, *_late(kept, name))
    note(connection, slug, STATEMENT, scope=digest.hex(), found=said, now=arrival.now)
    if arrival.restates:
        scopes = [other.scope for other in others]
        cured(connection, slug, STATEMENT, scopes=scopes, now=arrival.now)
    return Taken(
        file_id=file_id,
        verdict=verdict,
        day=day,
        count=kept,
        found=told,
        gaps=note_gaps(connection, slug, arrival),
        restatements=_restatements(connection, slug, kept, arrival.now),
        currencies=watch.currencies,
    )


def has_file(connection: Connection, file_id: int) -> bool:
    """Whether a file of that number was ever kept."""
    held: bool = connection.execute(text(_HELD), {"file_id": file_id}).scalar_one()
    return held


def bytes_of(connection: Connection, file_id: int) -> Iterator[bytes]:
    """A file as it came, part by part."""
    for part in connection.execute(text(_PARTS), {"file_id": file_id}).scalars():
        yield bytes(part)


def note_gaps(connection: Connection, slug: str, arrival: Arrival) -> int:
    """Say which days and which numbers are missing between the files that are there."""
    said = {"provider": slug, "feed": STATEMENT}
    rows = connection.execute(text(_SEQUENCE), said).all()
    days = {row.business_day for row in rows if row.business_day}
    numbers = {row.number for row in rows if row.number is not None}
    found = [
        Found(
            kind=FindingKind.FEED_GAP,
            detail=f"a file of {day} is expected, there is none",
            covers=day_window(day, arrival.zone),
        )
        for day in (missing_days(days) if arrival.expects_daily else ())
    ]
    found += [
        Found(kind=FindingKind.FEED_GAP, detail=f"files number {one} to {last} are missing")
        for one, last in missing_numbers(numbers)
    ]
    note(connection, slug, STATEMENT, scope="sequence", found=found, now=arrival.now)
    return len(found)


def _keep(
    connection: Connection, slug: str, name: str, stream: BinaryIO, now: datetime
) -> tuple[int, bytes]:
    """Keep every byte of the file, once; returns its id and digest."""
    hashed, size = blake2b(digest_size=32), 0
    while part := stream.read(PART_BYTES):
        hashed.update(part)
        size += len(part)
    said = {"provider": slug, "feed": STATEMENT, "name": name, "digest": hashed.digest()}
    fresh = connection.execute(text(_KEEP), {**said, "size": size, "now": now}).scalar()
    if fresh is None:
        return connection.execute(text(_KNOWN), said).scalar_one(), hashed.digest()
    stream.seek(0)
    parts = iter(lambda: stream.read(PART_BYTES), b"")
    for number, part in enumerate(parts):
        connection.execute(text(_PART), {"file_id": fresh, "part": number, "bytes": part})
    return fresh, hashed.digest()


def _stored(
    connection: Connection,
    reader: StatementReader,
    arrival: Arrival,
    watch: _Watch,
    day: date | None,
) -> FeedCount:
    slug = reader.provider.slug
    earlier = {"provider": slug, "feed": STATEMENT, "day": day}
    is_followed = day is not None and connection.execute(text(_EARLIER), earlier).scalar_one()
    with arrival.path.open("rb") as stream:
        return store_statement(
            connection,
            slug,
            watch.records(reader.read(stream, arrival.path.name)),
            source=arrival.path.name,
            received_at=arrival.now,
            read_to=day_window(day, arrival.zone).start if day and is_followed else None,
        )


def _verdict(reader: StatementReader, count: FeedCount, found: Sequence[Found]) -> str:
    errors = [each for each in found if severity_of(each.kind) is Severity.ERROR]
    has_rival = any(each.kind is FindingKind.TWO_FILES_FOR_ONE_DAY for each in errors)
    if has_rival or (errors and (reader.rules.whole or count.received == 0)):
        return "quarantined"
    return "partly" if errors else "imported"


@dataclass(frozen=True, slots=True)
class _Other:
    """Another file of the same day, or of the same name and no known day."""

    scope: str
    name: str
    verdict: str


def _others(
    connection: Connection, slug: str, name: str, digest: bytes, day: date | None
) -> list[_Other]:
    said = {"provider": slug, "feed": STATEMENT, "digest": digest, "day": day, "name": name}
    rows = connection.execute(text(_SAME_DAY), said)
    return [_Other(row.scope, row.name, row.verdict) for row in rows]


def _rivals(
    others: Sequence[_Other], reader: StatementReader, arrival: Arrival, day: date | None
) -> Iterator[Found]:
    """The file of the same day that was taken in before, unless this one restates it."""
    rivals = [other for other in others if other.verdict != "quarantined"]
    if day is None or arrival.restates or reader.rules.several_a_day or not rivals:
        return
    yield Found(
        kind=FindingKind.TWO_FILES_FOR_ONE_DAY,
        detail=f"{rivals[0].name} told of {day} already, otherwise; which one holds"
        " has to be said (--restates, or setting several_a_day)",
        file=arrival.path.name,
        covers=day_window(day, arrival.zone),
    )


def _repeated(count: FeedCount, name: str) -> Iterator[Found]:
    for record_id in count.repeated_ids:
        yield Found(
            kind=FindingKind.DUPLICATED_KEY,
            detail="the file names this id several times; each line is kept",
            file=name,
            record_id=record_id,
        )


def _late(count: FeedCount, name: str) -> Iterator[Found]:
    for record_id in count.late_ids:
        yield Found(
            kind=FindingKind.LATE_RECORD,
            detail="told for the first time in the file of a later day",
            file=name,
            record_id=record_id,
            over=True,
        )


def _placed(
    found: Iterable[Found], watch: _Watch, day: date | None, zone: ZoneInfo
) -> tuple[Found, ...]:
    """Findings with the time of their file, so that a run of that time hears of them."""
    covers: Window | None = None if day is None else day_window(day, zone)
    if covers is None and watch.first is not None and watch.last is not None:
        begin, end = (at.astimezone(zone).date() for at in (watch.first, watch.last))
        covers = Window(start=day_window(begin, zone).start, end=day_window(end, zone).end)
    return tuple(replace(each, covers=each.covers or covers) for each in found)


def _restatements(connection: Connection, slug: str, count: FeedCount, now: datetime) -> int:
    if count.first is None or count.last is None:
        return 0
    return note_restatements(connection, slug, first=count.first, last=count.last, now=now)


def _day_named(reader: StatementReader, name: str) -> date | None:
    found = reader.rules.day.search(name) if reader.rules.day else None
    if found is None:
        return None
    try:
        return date.fromisoformat(found.group("day"))
    except ValueError:
        return None


def _number_named(reader: StatementReader, name: str) -> int | None:
    found = reader.rules.number.search(name) if reader.rules.number else None
    return int(found.group("number")) if found else None


def _day_told(watch: _Watch, zone: ZoneInfo) -> date | None:
    """The one day that all lines are of, if it is one."""
    if watch.first is None or watch.last is None:
        return None
    first, last = (at.astimezone(zone).date() for at in (watch.first, watch.last))
    return first if first == last else None
