"""The audit trail: who did what to which thing, when and why. Append-only.

Call ``record`` on the connection that makes the change, so that both stand or neither does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_RECORD = """
INSERT INTO audit (actor, action, subject, detail)
VALUES (:actor, :action, :subject, CAST(:detail AS jsonb))
"""
_TRAIL = """
SELECT audit_id, at, actor, action, subject, detail FROM audit
 WHERE subject = :subject ORDER BY audit_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One thing that somebody did."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def record(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, object],
) -> None:
    """Write one row in the connection's transaction.

    ``actor`` is a person's name or the job that acted, ``action`` a thing and what was done,
    such as ``adjustment.approved``, ``subject`` the id of what it was done to. ``detail`` is
    what a reader needs later: JSON values, amounts as decimal strings.
    """
    written = {
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": json.dumps(detail),
    }
    connection.execute(text(_RECORD), written)


def trail(connection: Connection, subject: str) -> list[AuditRow]:
    """Everything that was done to one thing, in order."""
    rows = connection.execute(text(_TRAIL), {"subject": subject})
    return [
        AuditRow(
            audit_id=row[0],
            at=row[1],
            actor=row[2],
            action=row[3],
            subject=row[4],
            detail=row[5],
        )
        for row in rows
    ]
