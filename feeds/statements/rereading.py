"""Files that are imported again under changed settings: the same lines, read otherwise.

A corrected unit, time zone, decimal mark or spelling of ids gives known lines other values or
other ids. Such a reading replaces the one before, but only once a person confirms it. Until
then the file is quarantined, and what it brought before stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from feeds.changes import Changes, Precedence
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding
from feeds.statements.archive import STATEMENT, lists_records
from feeds.statements.file_findings import NAMED_MAX
from feeds.statements.restatement import missing_from_file
from feeds.withdrawals import WithdrawalCause, withdraw
from vocabulary.plurals import counted, plural


def precedence_of(connection: Connection, file_id: int, *, is_confirmed: bool) -> Precedence:
    """What the figures of a file count for beside stored ones."""
    if is_confirmed:
        return Precedence.CONFIRMED_FILE
    is_known = lists_records(connection, file_id)
    return Precedence.KNOWN_FILE if is_known else Precedence.NEW_FILE


def own_missing(connection: Connection, slug: str, file_id: int) -> Sequence[Row[Any]]:
    """Records that only this file brought and that it does not have as it is read now.

    ``feed_delivered`` holds the records that it has now.
    """
    rows = missing_from_file(connection, slug, file_id, others=[file_id])
    return [row for row in rows if row.from_restated]


def read_anew(
    changes: Changes, missing: Sequence[Row[Any]], name: str, exponents: Mapping[str, int]
) -> Iterator[NewFinding]:
    """The finding that known lines of a file have other values or other ids than before."""
    if not changes.count and not missing:
        return
    parts = []
    if changes.count:
        first = "; ".join(change.sentence(exponents) for change in changes.first[:NAMED_MAX])
        rest = f"; and {changes.count - NAMED_MAX} more" if changes.count > NAMED_MAX else ""
        parts.append(
            f"{counted(changes.count, 'known record gets', 'known records get')}"
            f" other values: {first}{rest}"
        )
    if missing:
        ids = ", ".join(row.record_id for row in missing[:NAMED_MAX])
        rest = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        parts.append(
            f"{counted(len(missing), 'record has', 'records have')} another id now and"
            f" {plural(len(missing), 'goes', 'go')}: {ids}{rest}"
        )
    yield NewFinding(
        kind=FindingKind.READ_ANEW,
        detail=f"read anew under changed settings: {'; '.join(parts)}; if the settings are"
        " right, import the file with --restates",
        file=name,
        evidence={
            "records": [change.evidence() for change in changes.first],
            "count": changes.count,
            "gone": [row.record_id for row in missing[:NAMED_MAX]],
            "gone_count": len(missing),
        },
    )


def withdraw_own(
    connection: Connection,
    slug: str,
    missing: Sequence[Row[Any]],
    *,
    name: str,
    now: datetime,
) -> None:
    """Withdraw the records of an earlier reading; the one finding of them is ``read_anew``."""
    by = WithdrawalCause(feed=STATEMENT, name=name)
    withdraw(connection, slug, missing, by=by, now=now)
