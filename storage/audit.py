"""The audit trail: who did what to which thing, when and why. Append-only.

Call ``record`` on the connection that makes the change, so that one transaction holds both.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

#: Rows that are taken from a result at once: one by one, that takes longer than to read them.
_AT_ONCE = 500
_RECORD = text("""
INSERT INTO audit (actor, action, subject, detail)
VALUES (:actor, :action, :subject, CAST(:detail AS jsonb))
""")
_TRAIL = text("""
SELECT audit_id, at, actor, action, subject, detail, p.name AS acting
  FROM audit a LEFT JOIN people p ON p.person_id = a.acting_id AND a.acting_id <> a.person_id
 WHERE subject = :subject ORDER BY audit_id
""")
#: By field of a filter, the condition that it adds; each has an index that also has the order.
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "actor": "a.actor = :actor",
        "action": "a.action = :action",
        "subject": "a.subject = :subject",
        "since": "a.at >= :since",
        "until": "a.at < :until",
        "before": "(a.at, a.audit_id) < (:before_at, :before_id)",
    }
)
_PAGE = """
SELECT audit_id, at, actor, action, subject, detail, p.name AS acting
  FROM audit a LEFT JOIN people p ON p.person_id = a.acting_id AND a.acting_id <> a.person_id
 WHERE {conditions} ORDER BY a.at DESC, a.audit_id DESC LIMIT :limit
"""
# Jumps from one value to the next in the index instead of reading every row.
_DISTINCT = """
WITH RECURSIVE known (name) AS (
    SELECT min({name}) FROM audit WHERE {name} > ''
    UNION ALL
    SELECT (SELECT min({name}) FROM audit WHERE {name} > known.name)
      FROM known WHERE known.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One action of a person or a job.

    Attributes:
        acting: the administrator who acted for the person; None: the actor did it.
    """

    audit_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    acting: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Selects rows of the trail; None means any.

    Attributes:
        actor: in whose name it was done.
        subject: the id of what it was done to.
        since, until: a half-open stretch of time.
        before: the instant and number of a row; only older ones are selected.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row to write; see ``record`` for what its parts mean."""

    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


def record(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, object],
) -> None:
    """Write one row in the connection's transaction.

    Args:
        connection: the one that makes the change.
        actor: a person's name, or the job that acted.
        action: a thing and what was done to it, such as ``adjustment.approved``.
        subject: the id of what it was done to.
        detail: what a reader needs later: JSON values, amounts as decimal strings.
    """
    entry = AuditEntry(actor=actor, action=action, subject=subject, detail=detail)
    record_all(connection, [entry])


def record_all(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Write rows in the connection's transaction, in order."""
    rows = [
        {
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "detail": json.dumps(entry.detail),
        }
        for entry in entries
    ]
    connection.execute(_RECORD, rows)


def trail(connection: Connection, subject: str) -> list[AuditRow]:
    """Everything that was done to one thing, in order."""
    rows = connection.execute(_TRAIL, {"subject": subject}).mappings()
    return [AuditRow(**row) for row in rows]


def audit_rows(
    connection: Connection, audit_filter: AuditFilter, *, limit: int
) -> Iterator[AuditRow]:
    """The newest rows that a filter selects, the newest first."""
    values = {name: getattr(audit_filter, name) for name in _CONDITIONS}
    conditions = [sql for name, sql in _CONDITIONS.items() if values[name] is not None]
    params = {**values, "limit": limit}
    params["before_at"], params["before_id"] = audit_filter.before or (None, None)
    query = _PAGE.format(conditions=" AND ".join(conditions) or "true")
    rows = chain.from_iterable(connection.execute(text(query), params).partitions(_AT_ONCE))
    for audit_id, at, actor, action, subject, detail, acting in rows:
        yield AuditRow(
            audit_id=audit_id,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail,
            acting=acting,
        )


def audit_names(connection: Connection, column: str, *, limit: int) -> list[str]:
    """The actors, or the actions, that the trail has; ``column`` says which."""
    assert column in {"actor", "action"}, "only these have an index"
    query = text(_DISTINCT.format(name=column))
    return [str(name) for name in connection.execute(query, {"limit": limit}).scalars()]
