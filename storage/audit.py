"""The audit trail: who did what to which thing, when and why. Append-only.

Call ``record`` on the connection that makes the change, so that one transaction holds both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_RECORD = text("""
INSERT INTO audit (actor, action, subject, detail)
VALUES (:actor, :action, :subject, CAST(:detail AS jsonb))
""")
_TRAIL = text("""
SELECT audit_id, at, actor, action, subject, detail, p.name AS acting
  FROM audit a LEFT JOIN people p ON p.person_id = a.acting_id AND a.acting_id <> a.person_id
 WHERE subject = :subject ORDER BY audit_id
""")


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
