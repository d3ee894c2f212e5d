"""Records missing from a re-delivery: which of them are withdrawn, and which are kept.

    feed_file_records  the records that each file lists
    feed_files         which file restates which
    feed_delivered     the records of the delivery just stored

A record is missing from a restating file if a restated file lists it, but neither the restating
file nor another current file does. A record is missing from a pull if an earlier pull of the
same window brought it. Both are decided in the transaction that stores the delivery, after
storing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, record_findings
from feeds.withdrawals import (
    WithdrawalCause,
    file_withdrawals,
    missing_record,
    pull_withdrawals,
    withdraw,
)
from vocabulary.clock import iso
from vocabulary.plurals import counted
from vocabulary.window import Window

#: The scope of findings about records that pulls no longer list.
UNLISTED = "unlisted"

_ADD_LISTED = """
INSERT INTO feed_file_records (file_id, record_id, occurrence)
SELECT :file_id, record_id, occurrence FROM feed_delivered
"""
_IS_LISTED = "SELECT exists(SELECT FROM feed_file_records WHERE file_id = :file_id)"
_MAKE_CURRENT = "UPDATE feed_files SET replaced_by = NULL WHERE file_id = :file_id"
_REPLACE = """
UPDATE feed_files SET replaced_by = :file_id WHERE file_id = ANY (cast(:others AS bigint[]))
"""
# Files that list fewer records than lines were read of them.
_LEFT = """
SELECT file_id, name FROM feed_files f
 WHERE file_id = ANY (cast(:others AS bigint[])) AND covers_from < rows_begin_at()
   AND records > (SELECT count(*) FROM feed_file_records l WHERE l.file_id = f.file_id)
 ORDER BY file_id
"""
_MISSING_FROM_FILE = """
SELECT r.*, r.source = ANY (SELECT name FROM feed_files
                             WHERE file_id = ANY (cast(:others AS bigint[]))) AS from_restated
  FROM feed_records r
 WHERE r.provider = :provider
   AND (r.record_id, r.occurrence) IN (
       SELECT record_id, occurrence FROM feed_file_records
        WHERE file_id = ANY (cast(:others AS bigint[])))
   AND NOT EXISTS (SELECT FROM feed_delivered d
                    WHERE d.record_id = r.record_id AND d.occurrence = r.occurrence)
   AND NOT EXISTS (SELECT FROM feed_file_records l JOIN feed_files f USING (file_id)
                    WHERE l.record_id = r.record_id AND l.occurrence = r.occurrence
                      AND f.provider = :provider AND f.replaced_by IS NULL
                      AND f.file_id <> :file_id)
 ORDER BY r.record_id, r.occurrence
"""
_MISSING_FROM_PULL = """
SELECT r.*, EXISTS (SELECT FROM feed_findings f
                     WHERE f.provider = :provider AND f.feed = :feed AND f.scope = :scope
                       AND f.kind = :kind AND f.record_id = r.record_id
                       AND f.resolved_at IS NULL AND f.first_seen < :now) AS missed_before,
       r.updated_at >= span.first AND r.updated_at <= span.last AS is_covered
  FROM feed_records r
 CROSS JOIN (SELECT min(updated_at) AS first, max(updated_at) AS last
               FROM feed_delivered) span
 WHERE r.provider = :provider AND r.source = :source
   AND r.updated_at >= :since AND r.updated_at < :until
   AND NOT EXISTS (SELECT FROM feed_delivered d WHERE d.record_id = r.record_id)
 ORDER BY r.record_id, r.occurrence
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A file that replaces others.

    Attributes:
        others: ids of the files it restates.
        span: from its first record to its last; None: it has none.
        covers: the time that its findings are about.
        whole: it covers all of the time of those files.
    """

    by: WithdrawalCause
    others: Sequence[int]
    span: tuple[datetime, datetime] | None
    covers: Window | None
    whole: bool

    def includes(self, instant: datetime) -> bool:
        """Whether the file speaks for records of this instant."""
        if self.whole:
            return True
        return self.span is not None and self.span[0] <= instant <= self.span[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalResult:
    """The effect of a re-delivery on records missing from it.

    Attributes:
        findings: all that are open afterwards.
        withdrawn: the number of records withdrawn now.
        first, last: the earliest and latest creation of the records withdrawn now.
    """

    findings: tuple[NewFinding, ...] = ()
    withdrawn: int = 0
    first: datetime | None = None
    last: datetime | None = None


def record_listing(connection: Connection, file_id: object) -> None:
    """Keep which records a file lists, including those it brought nothing new about."""
    params = {"file_id": file_id}
    # A file that lists nothing yet cannot list a record twice, and not to ask costs less.
    is_listed = connection.execute(text(_IS_LISTED), params).scalar_one()
    unless_listed = " ON CONFLICT DO NOTHING" if is_listed else ""
    connection.execute(text(_ADD_LISTED + unless_listed), params)


def replace_files(
    connection: Connection, provider: str, replacement: Replacement, *, now: datetime
) -> WithdrawalResult:
    """Replace files by another one and withdraw the records missing from the time it covers."""
    by = replacement.by
    params = {
        "provider": provider,
        "file_id": by.file_id,
        "others": list(replacement.others),
    }
    connection.execute(text(_REPLACE), params)
    connection.execute(text(_MAKE_CURRENT), params)
    missing = missing_from_file(connection, provider, by.file_id, others=replacement.others)
    withdrawn, remaining = _split(
        missing, lambda row: row.from_restated and replacement.includes(row.created_at)
    )
    withdraw(connection, provider, withdrawn, by=by, now=now)
    findings = [
        *file_withdrawals(connection, provider, by, replacement.others, replacement.covers),
        *_shorter_file(replacement, remaining),
        *_left_for_archives(connection, replacement),
        *(missing_record(row, file=by.name, reason=_reason(row)) for row in remaining),
    ]
    return _result(findings, withdrawn)


def missing_from_file(
    connection: Connection, provider: str, file_id: int | None, *, others: Sequence[int]
) -> Sequence[Row[Any]]:
    """Stored records that other files list, and neither this file nor any current one."""
    params = {"provider": provider, "file_id": file_id, "others": list(others)}
    return connection.execute(text(_MISSING_FROM_FILE), params).all()


def withdraw_unlisted(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    source: str,
    window: Window,
    now: datetime,
) -> WithdrawalResult:
    """Withdraw records that two whole pulls in a row do not list; record those of one pull.

    An empty list withdraws nothing: it is more likely to be wrong than true.
    """
    params = {
        "provider": provider,
        "feed": feed,
        "source": source,
        "scope": UNLISTED,
        "kind": str(FindingKind.NOT_TOLD_AGAIN),
        "since": window.start,
        "until": window.end,
        "now": now,
    }
    missing = connection.execute(text(_MISSING_FROM_PULL), params).all()
    withdrawn, remaining = _split(missing, lambda row: row.missed_before and row.is_covered)
    by = WithdrawalCause(feed=feed, name=f"pull of {feed}")
    withdraw(connection, provider, withdrawn, by=by, now=now)
    findings = [
        *pull_withdrawals(connection, provider, feed, window),
        *(missing_record(row, file=None, reason="is not listed any more") for row in remaining),
    ]
    record_findings(
        connection, provider, feed, scope=UNLISTED, findings=findings, now=now, checked=window
    )
    return _result(findings, withdrawn)


def _split(
    rows: Sequence[Row[Any]], is_gone: Callable[[Row[Any]], bool]
) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """The rows that are withdrawn and those that are kept."""
    return [row for row in rows if is_gone(row)], [row for row in rows if not is_gone(row)]


def _result(findings: Sequence[NewFinding], withdrawn: Sequence[Row[Any]]) -> WithdrawalResult:
    created = [row.created_at for row in withdrawn]
    return WithdrawalResult(
        findings=tuple(findings),
        withdrawn=len(withdrawn),
        first=min(created, default=None),
        last=max(created, default=None),
    )


def _shorter_file(
    replacement: Replacement, remaining: Sequence[Row[Any]]
) -> Iterator[NewFinding]:
    """The finding for a file that covers less time than the files it restates."""
    outside = [row for row in remaining if not replacement.includes(row.created_at)]
    if not outside:
        return
    span = replacement.span
    extent = f"from {iso(span[0])} to {iso(span[1])}" if span else "no time"
    yield NewFinding(
        kind=FindingKind.SHORTER_FILE,
        detail=f"the file covers {extent}; {counted(len(outside), 'earlier record')}"
        " outside of it are"
        " kept; if the file is complete, import it with --complete",
        file=replacement.by.name,
        covers=replacement.covers,
        evidence={"records": [row.record_id for row in outside[:50]], "count": len(outside)},
    )


def _left_for_archives(
    connection: Connection, replacement: Replacement
) -> Iterator[NewFinding]:
    """A finding for each restated file of which records left: they cannot be withdrawn."""
    for row in connection.execute(text(_LEFT), {"others": list(replacement.others)}):
        yield NewFinding(
            kind=FindingKind.ARCHIVED_RECORD,
            detail=f"records of file {row.file_id} ({row.name}), which it restates, left for"
            " archives: those missing from it are not withdrawn, and signed days keep their"
            " figures; compare both files",
            file=replacement.by.name,
            covers=replacement.covers,
            evidence={"file_id": row.file_id},
        )


def _reason(row: Row[Any]) -> str:
    if not row.from_restated:
        return "is missing from the file, but another feed or file reported it too"
    return "lies outside of the time that the file covers"
