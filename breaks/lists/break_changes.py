"""What changed about breaks since a mark: runs by provider, and single breaks by audit rows.

A step of a person or a job writes an audit row that names the break, in its transaction; a run
writes its own row. Transactions may commit in another order than they numbered their rows in,
so a mark holds the numbers of the last rows, not only the largest. Tables read: ``audit``,
``runs``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

#: How far behind the newest audit row, and the newest run of a provider, one may be missing.
_LATE_ROWS, _LATE_RUNS = 2_000, 20
_RUNS = """
SELECT p.slug, ARRAY(SELECT finished_at FROM runs r WHERE r.provider = p.slug
                      ORDER BY finished_at DESC LIMIT :late) AS finished
  FROM unnest(CAST(:providers AS text[])) AS p (slug)
"""
_COUNT = "SELECT count(*), max(audit_id) FROM audit WHERE audit_id > :after"
_ROWS = "SELECT audit_id, subject FROM audit WHERE audit_id > :after ORDER BY audit_id"
_NEWEST = "SELECT coalesce(max(audit_id), 0) FROM audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMark:
    """How far the changes of breaks were read.

    Attributes:
        after: audit rows up to this number are all read.
        rows: the numbers behind it that are read, too.
        runs: by provider, when its last runs ended.
    """

    after: int
    rows: frozenset[int]
    runs: dict[str, tuple[datetime, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakChanges:
    """What changed since a mark, and the mark of now.

    Attributes:
        subjects: what audit rows name: breaks, and whatever else was acted on.
        providers: those that a run compared.
    """

    mark: ChangeMark
    subjects: frozenset[str]
    providers: frozenset[str]


def change_mark(connection: Connection, providers: Iterable[str]) -> ChangeMark:
    """The mark of now; what is read after it is at least as new."""
    newest = int(connection.execute(text(_NEWEST)).scalar_one())
    after = max(0, newest - _LATE_ROWS)
    rows = connection.execute(text(_ROWS), {"after": after})
    return ChangeMark(
        after=after,
        rows=frozenset(row.audit_id for row in rows),
        runs=_runs(connection, providers),
    )


def changes_since(connection: Connection, mark: ChangeMark) -> BreakChanges:
    """What changed since a mark; the same mark if nothing did."""
    runs = _runs(connection, mark.runs)
    count, newest = connection.execute(text(_COUNT), {"after": mark.after}).one()
    if count == len(mark.rows) and runs == mark.runs:
        return BreakChanges(mark=mark, subjects=frozenset(), providers=frozenset())
    rows = connection.execute(text(_ROWS), {"after": mark.after}).all()
    after = max(mark.after, (newest or 0) - _LATE_ROWS)
    return BreakChanges(
        mark=ChangeMark(
            after=after,
            rows=frozenset(row.audit_id for row in rows if row.audit_id > after),
            runs=runs,
        ),
        subjects=frozenset(row.subject for row in rows if row.audit_id not in mark.rows),
        providers=frozenset(slug for slug in runs if runs[slug] != mark.runs[slug]),
    )


def _runs(connection: Connection, providers: Iterable[str]) -> dict[str, tuple[datetime, ...]]:
    params = {"providers": sorted(providers), "late": _LATE_RUNS}
    return {row.slug: tuple(row.finished) for row in connection.execute(text(_RUNS), params)}
