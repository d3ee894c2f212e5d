"""Limits of what people may do alone: in force is what a second person confirmed.

A change of the settings file takes effect only after one person proposed it and another
confirmed it. Tables written: ``limit_versions``, ``audit``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, text

from storage.audit import record
from storage.transactions import reading, transaction
from vocabulary.errors import NotAllowed

_COLUMNS = (
    "version_id, digest, document, proposed_by, proposed_at, state, decided_by, decided_at"
)
_IN_FORCE = f"""
SELECT {_COLUMNS} FROM limit_versions WHERE state IN ('first', 'confirmed')
 ORDER BY coalesce(decided_at, proposed_at) DESC, version_id DESC LIMIT 1
"""  # noqa: S608 - our own columns
_PROPOSED = f"""
SELECT {_COLUMNS} FROM limit_versions WHERE state = 'proposed'
"""  # noqa: S608 - our own columns
_INSERT = f"""
INSERT INTO limit_versions (digest, document, proposed_by, proposed_at, state)
VALUES (:digest, CAST(:document AS jsonb), :by, :now, :state) RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_DECIDE = f"""
UPDATE limit_versions SET state = :state, decided_by = :by, decided_at = :now
 WHERE version_id = :id RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_LOCK = "LOCK TABLE limit_versions IN SHARE ROW EXCLUSIVE MODE"


#: Limits as JSON.
Document = Mapping[str, Any]
#: Shortest start of a digest that names a version.
_DIGEST_CHARS_MIN = 8


class LimitsRefused(NotAllowed):
    """A change of limits that the rules do not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitVersion:
    """One version of the limits.

    Attributes:
        digest: SHA-256 of the document, in canonical form.
        document: the limits as JSON, as the settings make it.
        state: first, proposed, confirmed or rejected.
    """

    version_id: int
    digest: str
    document: Document
    proposed_by: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None


def digest_of(limits: Document) -> str:
    """What tells two versions apart, whatever the order in the settings file."""
    canonical = json.dumps(limits, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def set_up_limits(engine: Engine, limits: Document, *, by: str, now: datetime) -> bool:
    """Store the limits that the books begin with; False if there are limits already.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "limits") as connection:
        connection.execute(text(_LOCK))
        if connection.execute(text(_IN_FORCE)).first() is not None:
            return False
        _insert(connection, limits, by=by, now=now, state="first")
        return True


def version_in_force(engine: Engine) -> LimitVersion | None:
    """The last confirmed limits, or those that the books began with; None: not set up.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "limits") as connection:
        return _one(connection, _IN_FORCE)


def proposed_version(engine: Engine) -> LimitVersion | None:
    """The limits that wait for a second person, or None.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "limits") as connection:
        return _one(connection, _PROPOSED)


def propose_limits(engine: Engine, limits: Document, *, by: str, now: datetime) -> LimitVersion:
    """Propose limits; those in force stay until another person confirms.

    Raises:
        LimitsRefused: they are in force already, or others are proposed.
        PersonRefused: the database does not take the person.
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "limits") as connection:
        connection.execute(text(_LOCK))
        current = _one(connection, _IN_FORCE)
        if current is not None and current.digest == digest_of(limits):
            raise LimitsRefused("the limits of the settings file are in force already")
        proposed = _one(connection, _PROPOSED)
        if proposed is not None:
            raise LimitsRefused(
                f"{proposed.proposed_by} proposed {proposed.digest[:12]}: confirm or reject it"
                " first"
            )
        return _insert(connection, limits, by=by, now=now, state="proposed")


def decide_limits(
    engine: Engine, digest: str, *, by: str, now: datetime, confirm: bool
) -> LimitVersion:
    """Confirm or reject what another person proposed.

    Args:
        engine: of the books.
        digest: the start of the digest, at least 8 characters, so that nobody confirms what
            they did not see.
        by: who decides.
        now: the current instant.
        confirm: whether the limits take effect.

    Raises:
        LimitsRefused: nothing is proposed, something else is, or it is the person's own.
        PersonRefused: the database does not take the person beside the proposer.
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "limits") as connection:
        connection.execute(text(_LOCK))
        proposed = _one(connection, _PROPOSED)
        if proposed is None:
            raise LimitsRefused("no limits are proposed: `tieout config limits propose`")
        if len(digest) < _DIGEST_CHARS_MIN or not proposed.digest.startswith(digest):
            raise LimitsRefused(f"the proposed limits are {proposed.digest[:12]}, not {digest}")
        if proposed.proposed_by == by:
            raise LimitsRefused(f"{by} proposed them: another person decides")
        state = "confirmed" if confirm else "rejected"
        params = {"id": proposed.version_id, "state": state, "by": by, "now": now}
        row = connection.execute(text(_DECIDE), params).mappings().one()
        record(connection, by, f"limits.{state}", _subject(proposed), {})
        return LimitVersion(**row)


def _insert(
    connection: Connection, limits: Document, *, by: str, now: datetime, state: str
) -> LimitVersion:
    params = {
        "digest": digest_of(limits),
        "document": json.dumps(limits),
        "by": by,
        "now": now,
        "state": state,
    }
    row = connection.execute(text(_INSERT), params).mappings().one()
    version = LimitVersion(**row)
    action = "limits.set_up" if state == "first" else "limits.proposed"
    record(connection, by, action, _subject(version), dict(limits))
    return version


def _one(connection: Connection, query: str) -> LimitVersion | None:
    row = connection.execute(text(query)).mappings().one_or_none()
    return None if row is None else LimitVersion(**row)


def _subject(version: LimitVersion) -> str:
    return f"limits {version.digest[:12]}"
