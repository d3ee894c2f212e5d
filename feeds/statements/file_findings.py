"""Findings about a statement file as a whole and about the sequence of files."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from feeds.changes import Changes
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding
from feeds.gaps import missing_days, missing_numbers
from feeds.records import FeedCount
from feeds.statements.archive import (
    HAS_RECORDS,
    STATEMENT,
    OtherFile,
    name_of_replacement,
)
from feeds.statements.listed_findings import LISTED_MAX
from vocabulary.plurals import counted
from vocabulary.window import day_window

#: Records named in the text of a finding.
NAMED_MAX = 3

_SEQUENCE = f"""
SELECT business_day, number FROM feed_files
 WHERE provider = :provider AND feed = :feed AND {HAS_RECORDS}
"""  # noqa: S608 - only the constant is put in
_IS_ELSEWHERE = """
SELECT exists(SELECT FROM feed_delivered)
       AND NOT exists(SELECT FROM feed_delivered
                       WHERE created_at >= :since AND created_at < :until)
"""


def sequence_gaps(
    connection: Connection, slug: str, zone: ZoneInfo, *, expects_daily: bool
) -> Iterator[NewFinding]:
    """Days and sequence numbers that are missing between the imported files."""
    rows = connection.execute(text(_SEQUENCE), {"provider": slug, "feed": STATEMENT}).all()
    if expects_daily:
        for day in missing_days(row.business_day for row in rows if row.business_day):
            yield NewFinding(
                kind=FindingKind.FEED_GAP,
                detail=f"there is no file of {day}",
                covers=day_window(day, zone),
            )
    for first, last in missing_numbers(row.number for row in rows if row.number is not None):
        yield NewFinding(
            kind=FindingKind.FEED_GAP, detail=f"files number {first} to {last} are missing"
        )


def rival_file(
    other_files: Sequence[OtherFile], name: str, day: date | None, zone: ZoneInfo
) -> Iterator[NewFinding]:
    """The finding that a different file of the same day was imported before."""
    rivals = [other for other in other_files if other.has_records and other.replaced_by is None]
    if day is None or not rivals:
        return
    yield NewFinding(
        kind=FindingKind.TWO_FILES_FOR_ONE_DAY,
        detail=f"{rivals[0].name} is another file of {day}; import one of them with"
        " --restates, or set several_a_day",
        file=name,
        covers=day_window(day, zone),
    )


def replaced_file(connection: Connection, file_id: int, name: str) -> Iterator[NewFinding]:
    """The finding that another file came in the place of this one."""
    replaced_by = name_of_replacement(connection, file_id)
    if replaced_by is None:
        return
    yield NewFinding(
        kind=FindingKind.TWO_FILES_FOR_ONE_DAY,
        detail=f"{replaced_by} replaced this file; if this one is right after all, import it"
        " with --restates",
        file=name,
    )


def changed_records(
    changes: Changes, name: str, exponents: Mapping[str, int]
) -> Iterator[NewFinding]:
    """The finding that the file contradicts records that were stored before."""
    if not changes.count:
        return
    first = "; ".join(change.sentence(exponents) for change in changes.first[:NAMED_MAX])
    rest = changes.count - NAMED_MAX
    yield NewFinding(
        kind=FindingKind.CHANGED_RECORD,
        detail=f"the file has other figures for {counted(changes.count, 'known record')}"
        f": {first}"
        + (f"; and {rest} more" if rest > 0 else "")
        + "; if the file is right, import it with --restates",
        file=name,
        evidence={
            "records": [change.evidence() for change in changes.first],
            "count": changes.count,
        },
    )


def wrong_day(
    connection: Connection, day: date | None, name: str, zone: ZoneInfo
) -> Iterator[NewFinding]:
    """The finding that no record of the file is of the day in its name.

    ``feed_delivered`` holds the records of the file.
    """
    if day is None:
        return
    window = day_window(day, zone)
    params = {"since": window.start, "until": window.end}
    is_elsewhere: bool = connection.execute(text(_IS_ELSEWHERE), params).scalar_one()
    if not is_elsewhere:
        return
    yield NewFinding(
        kind=FindingKind.WRONG_DAY,
        detail=f"the name says {day}, but no line of the file is of that day; rename the file,"
        " correct the setting day or timezone, or import it with --restates",
        file=name,
        covers=window,
    )


def repeated_ids(count: FeedCount, name: str) -> Iterator[NewFinding]:
    """A finding for each of the first ids that the file has in several lines, and a count."""
    for record_id in count.repeated_ids[:LISTED_MAX]:
        yield NewFinding(
            kind=FindingKind.DUPLICATED_KEY,
            detail="the file has this id in several lines; each line is kept",
            file=name,
            record_id=record_id,
        )
    more = count.repeated - LISTED_MAX
    if more > 0:
        yield NewFinding(
            kind=FindingKind.DUPLICATED_KEY,
            detail=f"and {counted(more, 'more id')} that the file has in several lines",
            file=name,
            evidence={"more": more},
        )


def late_records(count: FeedCount, name: str) -> Iterator[NewFinding]:
    """A finding for each new record of a day before the file's own."""
    for record_id in count.late_ids:
        yield NewFinding(
            kind=FindingKind.LATE_RECORD,
            detail="reported for the first time in the file of a later day",
            file=name,
            record_id=record_id,
            is_resolved=True,
        )
