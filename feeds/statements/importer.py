"""Import of a statement file: the file is archived, its lines stored, its problems recorded.

    feed_files, feed_file_parts   the file, whatever its verdict
    feed_records, feed_versions   the readable lines
    feed_file_records             the records that the file lists
    feed_findings                 unreadable lines and problems of the file

All of it is one transaction; ``feeds.statements.keep`` stores the bytes before it. A file is
quarantined (archived and not imported) if nothing of it can be read, if another file covers the
same day, if it contradicts stored records or the day in its name, or if it has any error and
the settings ask for all or nothing.

A file without errors that restates others replaces them: records of theirs that are missing
from the time it covers are withdrawn (``feeds.statements.restatement``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from feeds.changes import Precedence
from feeds.day_close import record_restatements
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, Severity, record_findings, resolve_scopes, severity_of
from feeds.records import FeedCount, store_statement
from feeds.staged_rows import StagedRows
from feeds.statements.archive import (
    STATEMENT,
    ArchivedFile,
    OtherFile,
    archive_file,
    has_earlier_file,
    lists_records,
    other_files,
    refuse_file,
)
from feeds.statements.file_findings import (
    changed_records,
    late_records,
    repeated_ids,
    replaced_file,
    rival_file,
    sequence_gaps,
    wrong_day,
)
from feeds.statements.line_summary import LineSummary
from feeds.statements.reading.read_file import read_for_stage
from feeds.statements.reading.reader import StatementReader
from feeds.statements.rereading import own_missing, precedence_of, read_anew, withdraw_own
from feeds.statements.restatement import (
    Replacement,
    WithdrawalResult,
    record_listing,
    replace_files,
)
from feeds.withdrawals import WithdrawalCause
from feeds.write_order import lock_history
from vocabulary.errors import Refused
from vocabulary.facts import HistoryRecord
from vocabulary.window import day_window

NO_RECORDS = FeedCount(received=0, versions=0, stored=0)
QUARANTINED = "quarantined"
#: Findings of a file that is not imported before a person confirms it with ``--restates``.
UNCONFIRMED = frozenset(
    {
        FindingKind.TWO_FILES_FOR_ONE_DAY,
        FindingKind.CHANGED_RECORD,
        FindingKind.WRONG_DAY,
        FindingKind.READ_ANEW,
    }
)
_SAVE_VERDICT = """
UPDATE feed_files
   SET business_day = :day, number = :number, covers_from = :first, covers_to = :last,
       verdict = :verdict, records = :records, refused = :refused
 WHERE file_id = :file_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A file to import, with what its bytes do not tell.

    Attributes:
        zone: in which the provider's days end.
        expects_daily: every day has a file, so a day without one is a gap.
        restates: a person confirms that it replaces an earlier file of the same day or name,
            and that its figures and its name are right.
        replaces: numbers of other files that it replaces, whatever their day and name.
        complete: it covers all of the time of the files it replaces.
    """

    path: Path
    zone: ZoneInfo
    now: datetime
    expects_daily: bool = False
    restates: bool = False
    replaces: tuple[int, ...] = ()
    complete: bool = False

    @property
    def name(self) -> str:
        """The file's name; a byte that is no UTF-8 is escaped."""
        return self.path.name.encode("utf-8", "backslashreplace").decode("utf-8")

    @property
    def is_confirmed(self) -> bool:
        """Whether a person confirms that what the file changes is right."""
        return self.restates or bool(self.replaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The effect of importing a file.

    Attributes:
        file_id: of the archived file.
        verdict: ``imported``, ``partly`` or ``quarantined``.
        count: stored records; none of a quarantined file.
        findings: every problem of the file.
        refused: the number of lines that cannot be read; findings list the first of each cause.
        gaps, restatements: the number of open findings of the feed and of closed days.
        withdrawn: the number of records of restated files that are withdrawn now.
        currencies: the number of readable lines by currency.
    """

    file_id: int
    verdict: str
    day: date | None
    count: FeedCount
    findings: tuple[NewFinding, ...]
    refused: int
    gaps: int
    restatements: int
    withdrawn: int
    currencies: dict[str, int]

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return _has_errors(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The effect of storing a file's lines.

    Attributes:
        file_id, digest: of the archived file.
        day: from its name, or of all its lines.
        others: other files of the same day or name.
        count: records of the lines, rolled back if the file is quarantined.
        findings: about its lines and about a rival file.
        missing: records of an earlier reading of the file that this one does not have.
        reread: the finding that the file was read otherwise before.
    """

    file_id: int
    digest: bytes
    day: date | None
    others: Sequence[OtherFile]
    count: FeedCount
    findings: Sequence[NewFinding]
    verdict: str
    missing: Sequence[Row[Any]]
    reread: Sequence[NewFinding]

    @property
    def is_stored(self) -> bool:
        """Whether the file is not quarantined."""
        return self.verdict != QUARANTINED

    @property
    def stored(self) -> FeedCount:
        """The records that are stored; none if the file is quarantined."""
        return self.count if self.is_stored else NO_RECORDS


def archive_copy(
    connection: Connection, reader: StatementReader, request: ImportRequest, stream: BinaryIO
) -> ArchivedFile:
    """Store the bytes of a file that is to be imported.

    Raises:
        Refused: a file that it is to replace does not exist.
    """
    slug, name = reader.provider.slug, request.name
    archived = archive_file(connection, slug, name, stream, request.now)
    others = other_files(connection, slug, name, archived, None, named=request.replaces)
    if missing := set(request.replaces) - {other.file_id for other in others}:
        raise Refused(f"no other statement file of {slug} has the number {min(missing)}")
    return archived


def import_copy(
    connection: Connection,
    reader: StatementReader,
    request: ImportRequest,
    stream: BinaryIO,
    archived: ArchivedFile,
) -> ImportResult:
    """Import an archived statement file from a copy that nobody changes."""
    slug, name = reader.provider.slug, request.name
    lock_history(connection, slug)
    lines = LineSummary(name)
    content = _store_content(connection, reader, request, lines, stream, archived=archived)
    _save_verdict(connection, reader, content, lines)
    former = content.missing if content.is_stored else ()
    withdraw_own(connection, slug, former, name=name, now=request.now)
    withdrawal = _withdraw_missing(connection, reader, request, lines, content)
    # Runs of the file's time get its findings without a time of their own too.
    covers = lines.covered_time(content.day, request.zone)
    findings = (
        *(replace(finding, covers=finding.covers or covers) for finding in content.findings),
        *withdrawal.findings,
    )
    # Findings belong to the bytes of a file; a file that restates others resolves theirs.
    record = partial(record_findings, connection, slug, STATEMENT, now=request.now)
    scope, late = content.digest.hex(), late_records(content.stored, name)
    reread = content.reread if content.is_stored else ()
    events = (*late, *(replace(finding, is_resolved=True) for finding in reread))
    record(scope=scope, findings=(*findings, *events))
    if request.is_confirmed and content.verdict == "imported":
        scopes = [other.scope for other in _earlier_files(content, reader, request)]
        resolve_scopes(connection, slug, STATEMENT, scopes=scopes, now=request.now)
    daily = request.expects_daily
    gaps = list(sequence_gaps(connection, slug, request.zone, expects_daily=daily))
    record(scope="sequence", findings=gaps)
    stored = content.stored
    created = (stored.first, stored.last, withdrawal.first, withdrawal.last)
    created += tuple(row.created_at for row in former)
    return ImportResult(
        file_id=content.file_id,
        verdict=content.verdict,
        day=content.day,
        count=stored,
        findings=findings,
        refused=lines.findings.count,
        gaps=len(gaps),
        restatements=record_restatements(connection, slug, created, now=request.now),
        withdrawn=withdrawal.withdrawn + len(former),
        currencies=lines.currencies,
    )


def _store_content(
    connection: Connection,
    reader: StatementReader,
    request: ImportRequest,
    lines: LineSummary,
    stream: BinaryIO,
    *,
    archived: ArchivedFile,
) -> _Content:
    """Store the lines of the file, unless the verdict is quarantine."""
    slug, name = reader.provider.slug, request.name
    day = reader.rules.day_in(name)
    savepoint = connection.begin_nested()
    records = lines.records(read_for_stage(reader, stream, name))
    precedence = precedence_of(connection, archived.file_id, is_confirmed=request.is_confirmed)
    count = _store_lines(connection, reader, request, records, day=day, precedence=precedence)
    misplaced = list(wrong_day(connection, day, name, request.zone))
    day = day or lines.only_day(request.zone)
    others = other_files(connection, slug, name, archived, day, named=request.replaces)
    rival = () if reader.rules.several_a_day else rival_file(others, name, day, request.zone)
    rivals = list(rival) or list(replaced_file(connection, archived.file_id, name))
    changed = changed_records(count.changes, name, reader.provider.exponents)
    missing = [] if lines.findings.count else own_missing(connection, slug, archived.file_id)
    reread = list(read_anew(count.reread, missing, name, reader.provider.exponents))
    unconfirmed = () if request.is_confirmed else (rivals or [*misplaced, *changed, *reread])
    findings = [*lines.findings, *repeated_ids(count, name), *unconfirmed]
    verdict = _verdict(reader, count, findings)
    if verdict == QUARANTINED:
        savepoint.rollback()
    else:
        savepoint.commit()
    return _Content(
        file_id=archived.file_id,
        digest=archived.digest,
        day=day,
        others=others,
        count=count,
        findings=findings,
        verdict=verdict,
        missing=missing,
        reread=reread,
    )


def _save_verdict(
    connection: Connection, reader: StatementReader, content: _Content, lines: LineSummary
) -> None:
    """Store the verdict of a file and the records it lists.

    What an earlier import stored of it stays as it was if this one is refused.
    """
    if not content.is_stored and lists_records(connection, content.file_id):
        refuse_file(connection, content.file_id)
        return
    params = {
        "file_id": content.file_id,
        "day": content.day,
        "number": reader.rules.number_in(lines.name),
        "first": lines.first,
        "last": lines.last,
        "verdict": content.verdict,
        "records": content.count.received,
        "refused": lines.findings.count,
    }
    connection.execute(text(_SAVE_VERDICT), params)
    if content.is_stored:
        record_listing(connection, content.file_id)


def _store_lines(
    connection: Connection,
    reader: StatementReader,
    request: ImportRequest,
    records: Iterable[HistoryRecord | StagedRows],
    *,
    day: date | None,
    precedence: Precedence,
) -> FeedCount:
    slug = reader.provider.slug
    has_earlier = day is not None and has_earlier_file(connection, slug, day)
    return store_statement(
        connection,
        slug,
        records,
        source=request.name,
        received_at=request.now,
        read_to=day_window(day, request.zone).start if day and has_earlier else None,
        precedence=precedence,
    )


def _has_errors(findings: Iterable[NewFinding]) -> bool:
    return any(severity_of(finding.kind) is Severity.ERROR for finding in findings)


def _verdict(reader: StatementReader, count: FeedCount, findings: Sequence[NewFinding]) -> str:
    if not _has_errors(findings):
        return "imported"
    needs_person = any(finding.kind in UNCONFIRMED for finding in findings)
    if needs_person or reader.rules.whole or count.received == 0:
        return QUARANTINED
    return "partly"


def _earlier_files(
    content: _Content, reader: StatementReader, request: ImportRequest
) -> list[OtherFile]:
    """The files in whose place this one comes, or came when it was imported before.

    If a day may have several files, those of its own name.
    """
    several, name = reader.rules.several_a_day, request.name
    return [
        other
        for other in content.others
        if other.file_id in request.replaces
        or other.replaced_by == content.file_id
        or (request.is_confirmed and (not several or other.name == name))
    ]


def _withdraw_missing(
    connection: Connection,
    reader: StatementReader,
    request: ImportRequest,
    lines: LineSummary,
    content: _Content,
) -> WithdrawalResult:
    """Withdraw records of the replaced files that an imported file does not have."""
    named = request.replaces
    replaced = [
        other
        for other in _earlier_files(content, reader, request)
        if other.has_records or other.replaced_by is not None or other.file_id in named
    ]
    if content.verdict != "imported" or not replaced:
        return WithdrawalResult()
    trailer = reader.rules.trailer
    is_counted = trailer is not None and trailer.rows is not None
    replacement = Replacement(
        by=WithdrawalCause(feed=STATEMENT, name=lines.name, file_id=content.file_id),
        others=[other.file_id for other in replaced],
        span=lines.span,
        covers=lines.covered_time(content.day, request.zone),
        whole=request.complete or is_counted,
    )
    return replace_files(connection, reader.provider.slug, replacement, now=request.now)
