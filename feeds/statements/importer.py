"""Taking in a statement file: the whole file kept, its lines stored or not, its faults told.

    feed_files, feed_file_parts   the file, whatever becomes of it
    feed_records, feed_versions   the lines that could be read
    feed_listed                   which records the file named
    feed_findings                 those that could not, and what is wrong with the file

All of it is one transaction. A file is quarantined, that is kept and not taken in, when nothing
of it can be read, when another file tells of the same day, or when it has any error and the
settings ask for all or nothing.

A file that restates others and has no error takes their place: what they told of its time and
it does not is withdrawn (``feeds.statements.restatement``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from feeds.day_close import note_restatements
from feeds.findings import FindingKind, NewFinding, Severity, cured, note, severity_of
from feeds.gaps import day_window, missing_days, missing_numbers
from feeds.records import FeedCount, store_statement
from feeds.statements.archive import STATEMENT, OtherFile, keep_file, other_files
from feeds.statements.reader import StatementReader
from feeds.statements.restatement import OmittedRecords, Replacement, list_file, restate
from feeds.statements.table import UnreadableRow
from feeds.withdrawals import WithdrawalCause
from feeds.write_order import lock_history
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

_NOTHING = FeedCount(received=0, versions=0, stored=0)
_SETTLE = """
UPDATE feed_files
   SET business_day = :day, number = :number, covers_from = :first, covers_to = :last,
       verdict = :verdict, records = :records, refused = :refused
 WHERE file_id = :file_id
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
class FileArrival:
    """What is known of a file besides its bytes.

    Attributes:
        zone: in which the provider's days end.
        expects_daily: every day has a file, so a day without one is a gap.
        restates: it takes the place of an earlier file of the same day or name.
        complete: it tells all of the time of the files that it restates.
    """

    path: Path
    zone: ZoneInfo
    now: datetime
    expects_daily: bool = False
    restates: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a file.

    Attributes:
        file_id: under which all of its bytes are kept.
        verdict: ``imported``, ``partly`` or ``quarantined``.
        count: what was stored; nothing of a file in quarantine.
        found: everything wrong with it.
        gaps, restatements: findings of the feed and of closed days that stand now.
        withdrawn: records of the files it restates that it left out just now.
        currencies: lines read, by currency.
    """

    file_id: int
    verdict: str
    day: date | None
    count: FeedCount
    found: tuple[NewFinding, ...]
    gaps: int
    restatements: int
    withdrawn: int
    currencies: dict[str, int]

    @property
    def has_errors(self) -> bool:
        """Whether anything was not read that should have been."""
        return any(severity_of(each.kind) is Severity.ERROR for each in self.found)


@dataclass(slots=True)
class _Watch:
    """What is seen of the lines as they pass: their faults, their time, their currencies."""

    name: str
    found: list[NewFinding] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    currencies: dict[str, int] = field(default_factory=dict)

    def records(
        self, lines: Iterable[HistoryRecord | UnreadableRow]
    ) -> Iterator[HistoryRecord]:
        """The records among the lines."""
        for each in lines:
            if isinstance(each, UnreadableRow):
                self.found.append(
                    NewFinding(
                        kind=each.kind, detail=each.reason, file=self.name, line=each.line
                    )
                )
                continue
            at, code = each.created_at, each.currency
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)
            self.currencies[code] = self.currencies.get(code, 0) + 1
            yield each


def take_in(
    connection: Connection, reader: StatementReader, arrival: FileArrival
) -> ImportResult:
    """Take in a statement file, within the caller's transaction; the same file is a no-op.

    Raises:
        OSError: the file cannot be read.
    """
    slug, name = reader.provider.slug, arrival.path.name
    lock_history(connection, slug)
    with arrival.path.open("rb") as stream:
        file_id, digest = keep_file(connection, slug, name, stream, arrival.now)
    watch = _Watch(name)
    day, number = _day_named(reader, name), _number_named(reader, name)
    trial = connection.begin_nested()
    count = _stored(connection, reader, arrival, watch, day)
    day = day or _day_told(watch, arrival.zone)
    others = other_files(connection, slug, name, digest, day)
    found = [*watch.found, *_repeated(count, name), *_rivals(others, reader, arrival, day)]
    verdict = _verdict(reader, count, found)
    if verdict == "quarantined":
        trial.rollback()
    else:
        trial.commit()
    settled = {"file_id": file_id, "day": day, "number": number, "verdict": verdict}
    _settle(connection, settled, count, watch)
    kept = _NOTHING if verdict == "quarantined" else count
    replaced = _replaced(others, reader, arrival, file_id) if verdict == "imported" else []
    left = _left_out(connection, reader, arrival, watch, file=(file_id, day), others=replaced)
    told = (*_placed(found, watch, day, arrival.zone), *left.found)
    # Findings belong to the bytes of a file; a file that restates others ends theirs.
    said = (*told, *_late(kept, name))
    note(connection, slug, STATEMENT, scope=digest.hex(), found=said, now=arrival.now)
    if arrival.restates and verdict == "imported":
        scopes = [other.scope for other in others]
        cured(connection, slug, STATEMENT, scopes=scopes, now=arrival.now)
    return ImportResult(
        file_id=file_id,
        verdict=verdict,
        day=day,
        count=kept,
        found=told,
        gaps=note_gaps(connection, slug, arrival),
        restatements=_restatements(connection, slug, kept, left, arrival.now),
        withdrawn=left.withdrawn,
        currencies=watch.currencies,
    )


def _settle(
    connection: Connection, settled: Mapping[str, object], count: FeedCount, watch: _Watch
) -> None:
    """Keep what became of a file, and which records it named."""
    said = {"first": watch.first, "last": watch.last}
    counts = {"records": count.received, "refused": len(watch.found)}
    connection.execute(text(_SETTLE), {**settled, **said, **counts})
    if settled["verdict"] != "quarantined":
        list_file(connection, settled["file_id"])


def note_gaps(connection: Connection, slug: str, arrival: FileArrival) -> int:
    """Say which days and which numbers are missing between the files that are there."""
    said = {"provider": slug, "feed": STATEMENT}
    rows = connection.execute(text(_SEQUENCE), said).all()
    days = {row.business_day for row in rows if row.business_day}
    numbers = {row.number for row in rows if row.number is not None}
    found = [
        NewFinding(
            kind=FindingKind.FEED_GAP,
            detail=f"a file of {day} is expected, there is none",
            covers=day_window(day, arrival.zone),
        )
        for day in (missing_days(days) if arrival.expects_daily else ())
    ]
    found += [
        NewFinding(
            kind=FindingKind.FEED_GAP, detail=f"files number {one} to {last} are missing"
        )
        for one, last in missing_numbers(numbers)
    ]
    note(connection, slug, STATEMENT, scope="sequence", found=found, now=arrival.now)
    return len(found)


def _stored(
    connection: Connection,
    reader: StatementReader,
    arrival: FileArrival,
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


def _verdict(reader: StatementReader, count: FeedCount, found: Sequence[NewFinding]) -> str:
    errors = [each for each in found if severity_of(each.kind) is Severity.ERROR]
    has_rival = any(each.kind is FindingKind.TWO_FILES_FOR_ONE_DAY for each in errors)
    if has_rival or (errors and (reader.rules.whole or count.received == 0)):
        return "quarantined"
    return "partly" if errors else "imported"


def _replaced(
    others: Sequence[OtherFile], reader: StatementReader, arrival: FileArrival, file_id: int
) -> list[OtherFile]:
    """The files whose place this one takes, or took when it came first.

    Where a day is told in several files, one restates only those of its own name.
    """
    several, name = reader.rules.several_a_day, arrival.path.name
    return [
        other
        for other in others
        if (other.verdict != "quarantined" or other.replaced_by is not None)
        and (arrival.restates or other.replaced_by == file_id)
        and (not several or other.name == name)
    ]


def _left_out(
    connection: Connection,
    reader: StatementReader,
    arrival: FileArrival,
    watch: _Watch,
    *,
    file: tuple[int, date | None],
    others: Sequence[OtherFile],
) -> OmittedRecords:
    if not others:
        return OmittedRecords()
    file_id, day = file
    trailer = reader.rules.trailer
    counted = trailer is not None and trailer.rows is not None
    told = Replacement(
        by=WithdrawalCause(feed=STATEMENT, name=arrival.path.name, file_id=file_id),
        others=[other.file_id for other in others],
        span=None if watch.first is None or watch.last is None else (watch.first, watch.last),
        covers=_time_of(watch, day, arrival.zone),
        whole=arrival.complete or counted,
    )
    return restate(connection, reader.provider.slug, told, now=arrival.now)


def _rivals(
    others: Sequence[OtherFile], reader: StatementReader, arrival: FileArrival, day: date | None
) -> Iterator[NewFinding]:
    """The file of the same day that was taken in before, unless this one restates it."""
    rivals = [
        other
        for other in others
        if other.verdict != "quarantined" and other.replaced_by is None
    ]
    if day is None or arrival.restates or reader.rules.several_a_day or not rivals:
        return
    yield NewFinding(
        kind=FindingKind.TWO_FILES_FOR_ONE_DAY,
        detail=f"{rivals[0].name} told of {day} already, otherwise; which one holds"
        " has to be said (--restates, or setting several_a_day)",
        file=arrival.path.name,
        covers=day_window(day, arrival.zone),
    )


def _repeated(count: FeedCount, name: str) -> Iterator[NewFinding]:
    for record_id in count.repeated_ids:
        yield NewFinding(
            kind=FindingKind.DUPLICATED_KEY,
            detail="the file names this id several times; each line is kept",
            file=name,
            record_id=record_id,
        )


def _late(count: FeedCount, name: str) -> Iterator[NewFinding]:
    for record_id in count.late_ids:
        yield NewFinding(
            kind=FindingKind.LATE_RECORD,
            detail="told for the first time in the file of a later day",
            file=name,
            record_id=record_id,
            over=True,
        )


def _placed(
    found: Iterable[NewFinding], watch: _Watch, day: date | None, zone: ZoneInfo
) -> tuple[NewFinding, ...]:
    """Findings with the time of their file, so that a run of that time hears of them."""
    covers = _time_of(watch, day, zone)
    return tuple(replace(each, covers=each.covers or covers) for each in found)


def _time_of(watch: _Watch, day: date | None, zone: ZoneInfo) -> Window | None:
    """The days that a file is about; None: nobody knows."""
    if day is not None:
        return day_window(day, zone)
    if watch.first is None or watch.last is None:
        return None
    begin, end = (at.astimezone(zone).date() for at in (watch.first, watch.last))
    return Window(start=day_window(begin, zone).start, end=day_window(end, zone).end)


def _restatements(
    connection: Connection, slug: str, count: FeedCount, left: OmittedRecords, now: datetime
) -> int:
    at = [each for each in (count.first, count.last, left.first, left.last) if each]
    if not at:
        return 0
    return note_restatements(connection, slug, first=min(at), last=max(at), now=now)


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
