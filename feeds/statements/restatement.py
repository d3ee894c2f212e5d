"""What a telling leaves out of what was told of the same time before.

    feed_file_records  which record each file named
    feed_files         which file restates which

A file leaves out what the files that it restates named, and neither itself nor a file that
stands beside it named. A pull leaves out what was pulled of its window before. Both run within
the transaction of the storing, after it, and ask what that was told (``feed_delivered``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.findings import FindingKind, NewFinding, note
from feeds.withdrawals import (
    WithdrawalCause,
    not_told_again,
    withdraw,
    withdrawn_by_files,
    withdrawn_by_pull,
)
from vocabulary.clock import iso
from vocabulary.window import Window

#: The scope of what pulls do not list.
UNTOLD = "untold"

_LIST = """
INSERT INTO feed_file_records (file_id, record_id, occurrence)
SELECT :file_id, record_id, occurrence FROM feed_delivered ON CONFLICT DO NOTHING
"""
_STANDS = "UPDATE feed_files SET replaced_by = NULL WHERE file_id = :file_id"
_REPLACE = """
UPDATE feed_files SET replaced_by = :file_id WHERE file_id = ANY (cast(:others AS bigint[]))
"""
_LEFT_BY_FILE = """
SELECT r.*, r.source = ANY (SELECT name FROM feed_files
                             WHERE file_id = ANY (cast(:others AS bigint[]))) AS of_them
  FROM feed_records r
 WHERE r.provider = :provider
   AND (r.record_id, r.occurrence) IN (
       SELECT record_id, occurrence FROM feed_file_records
        WHERE file_id = ANY (cast(:others AS bigint[])))
   AND NOT EXISTS (SELECT FROM feed_delivered t
                    WHERE t.record_id = r.record_id AND t.occurrence = r.occurrence)
   AND NOT EXISTS (SELECT FROM feed_file_records l JOIN feed_files f USING (file_id)
                    WHERE l.record_id = r.record_id AND l.occurrence = r.occurrence
                      AND f.provider = :provider AND f.replaced_by IS NULL
                      AND f.verdict <> 'quarantined' AND f.file_id <> :file_id)
 ORDER BY r.record_id, r.occurrence
"""
_LEFT_BY_PULL = """
SELECT r.*, EXISTS (SELECT FROM feed_findings f
                     WHERE f.provider = :provider AND f.feed = :feed AND f.scope = :scope
                       AND f.kind = :kind AND f.record_id = r.record_id
                       AND f.resolved_at IS NULL AND f.first_seen < :now) AS missed_before,
       r.updated_at >= s.first AND r.updated_at <= s.last AS within
  FROM feed_records r
 CROSS JOIN (SELECT min(updated_at) AS first, max(updated_at) AS last FROM feed_delivered) s
 WHERE r.provider = :provider AND r.source = :source
   AND r.updated_at >= :since AND r.updated_at < :until
   AND NOT EXISTS (SELECT FROM feed_delivered t WHERE t.record_id = r.record_id)
 ORDER BY r.record_id, r.occurrence
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A file that takes the place of others.

    Attributes:
        others: the files it restates.
        span: the time it speaks of; None: none.
        covers: the time its findings are about.
        whole: it tells all of the time of those files.
    """

    by: WithdrawalCause
    others: Sequence[int]
    span: tuple[datetime, datetime] | None
    covers: Window | None
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OmittedRecords:
    """What came of it.

    Attributes:
        found: every finding that stands.
        first, last: from when to when the records lie that were withdrawn now.
    """

    found: tuple[NewFinding, ...] = ()
    withdrawn: int = 0
    first: datetime | None = None
    last: datetime | None = None


def list_file(connection: Connection, file_id: object) -> None:
    """Keep which records a file named, also those of which it said nothing new."""
    connection.execute(text(_LIST), {"file_id": file_id})


def restate(
    connection: Connection, provider: str, told: Replacement, *, now: datetime
) -> OmittedRecords:
    """Let a file take the place of others, and withdraw what it leaves out of its time."""
    assert told.by.file_id is not None
    said = {"provider": provider, "file_id": told.by.file_id, "others": list(told.others)}
    connection.execute(text(_REPLACE), said)
    connection.execute(text(_STANDS), said)
    rows = connection.execute(text(_LEFT_BY_FILE), said).all()
    gone = [row for row in rows if row.of_them and _speaks_of(told, row.created_at)]
    stays = [row for row in rows if row not in gone]
    withdraw(connection, provider, gone, by=told.by, now=now)
    found = [
        *withdrawn_by_files(connection, provider, told.by, told.others, told.covers),
        *_shorter(told, stays),
        *(not_told_again(row, file=told.by.name, why=_why(row)) for row in stays),
    ]
    return _left_out(found, gone)


def left_out_by_pull(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    source: str,
    window: Window,
    now: datetime,
) -> OmittedRecords:
    """Withdraw what two whole pulls in a row do not list; note what one does not.

    An empty list withdraws nothing: it is more likely wrong than true.
    """
    said = {
        "provider": provider,
        "feed": feed,
        "source": source,
        "scope": UNTOLD,
        "kind": str(FindingKind.NOT_TOLD_AGAIN),
        "since": window.start,
        "until": window.end,
        "now": now,
    }
    rows = connection.execute(text(_LEFT_BY_PULL), said).all()
    gone = [row for row in rows if row.missed_before and row.within]
    by = WithdrawalCause(feed=feed, name=f"pull of {feed}")
    withdraw(connection, provider, gone, by=by, now=now)
    found = [
        *withdrawn_by_pull(connection, provider, feed, window),
        *(
            not_told_again(row, file=None, why="is listed no longer")
            for row in rows
            if row not in gone
        ),
    ]
    note(connection, provider, feed, scope=UNTOLD, found=found, now=now, looked_at=window)
    return _left_out(found, gone)


def _left_out(found: Sequence[NewFinding], gone: Sequence[Row[Any]]) -> OmittedRecords:
    at = [row.created_at for row in gone]
    return OmittedRecords(
        found=tuple(found),
        withdrawn=len(gone),
        first=min(at, default=None),
        last=max(at, default=None),
    )


def _speaks_of(told: Replacement, at: datetime) -> bool:
    if told.whole:
        return True
    return told.span is not None and told.span[0] <= at <= told.span[1]


def _shorter(told: Replacement, stays: Sequence[Row[Any]]) -> Iterator[NewFinding]:
    """The file does not reach as far as those it restates."""
    beyond = [row for row in stays if not _speaks_of(told, row.created_at)]
    if not beyond:
        return
    span = told.span
    how = f"from {iso(span[0])} to {iso(span[1])}" if span else "of no time"
    yield NewFinding(
        kind=FindingKind.SHORTER_FILE,
        detail=f"tells {how}; {len(beyond)} records outside of that were told before, are not"
        " told again and stay; whether it is all of its time has to be said (--complete)",
        file=told.by.name,
        covers=told.covers,
        evidence={"records": [row.record_id for row in beyond[:50]], "count": len(beyond)},
    )


def _why(row: Row[Any]) -> str:
    if not row.of_them:
        return "is left out by the file, but was told elsewhere too"
    return "lies outside of the time that the file tells"
