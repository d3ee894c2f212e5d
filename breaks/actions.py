"""What people do about a break, one or many: assign, explain, close, reopen, note.

Each is one transaction with its audit row; a refusal changes nothing. Tables touched:
``break_lives``, ``break_notes``, ``audit``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, Engine, text

from breaks.limits import NO_LIMITS, WriteOffLimits
from breaks.queries import BreakFilter, ids_of
from breaks.states import ActionRefused, BreakState
from breaks.store import TrackedBreak, get, locked, move, must_say, transaction
from storage.audit import record

_NOTE = """
INSERT INTO break_notes (break_id, at, author, kind, body, digest, size)
VALUES (:id, :now, :by, :kind, :body, :digest, :size) RETURNING note_id
"""

_PENDING = "{} has a proposed adjustment: approve or reject it first"

NoteKind = Literal["comment", "text", "file", "link", "detail"]

#: Something done to one break inside a transaction that is given.
Act = Callable[[Connection, str], TrackedBreak]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment or a piece of evidence.

    Attributes:
        body: the words; a file's name; where a link leads.
        content: the bytes of a file or page: only their digest and length are kept.
    """

    kind: NoteKind
    body: str
    content: bytes | None = None


def assigning(*, to: str, by: str, now: datetime, why: str = "assigned") -> Act:
    """Give it to somebody; somebody else may have had it."""
    must_say(to=to)

    def act(connection: Connection, break_id: str) -> TrackedBreak:
        life = locked(connection, break_id)
        if life.state is BreakState.ASSIGNED:  # from one person to another
            back = BreakState.OPEN
            life = move(connection, life, back, by=by, now=now, action="taken_back", why=why)
        elif life.state is BreakState.PROPOSED:
            raise ActionRefused(_PENDING.format(break_id))
        done = BreakState.ASSIGNED
        return move(
            connection, life, done, by=by, now=now, action="assigned", why=why, assignee=to
        )

    return act


def explaining(*, by: str, why: str, now: datetime) -> Act:
    """Say why the books differ and need no correction; holds while the difference does."""
    return _step(BreakState.EXPLAINED, "explained", by=by, why=why, now=now)


def closing(*, by: str, why: str, now: datetime, limits: WriteOffLimits = NO_LIMITS) -> Act:
    """Close it by hand: whoever does writes the difference off, within their limit."""

    def act(connection: Connection, break_id: str) -> TrackedBreak:
        life = locked(connection, break_id)
        if life.state is BreakState.PROPOSED:
            raise ActionRefused(_PENDING.format(break_id))
        if life.state is not BreakState.POSTED:  # what was posted was approved
            limits.check(by, life.difference, life.currency)
        done = BreakState.CLOSED
        return move(connection, life, done, by=by, now=now, action="closed", why=why)

    return act


def reopening(*, by: str, why: str, now: datetime) -> Act:
    """Take it up again."""

    def act(connection: Connection, break_id: str) -> TrackedBreak:
        life = locked(connection, break_id)
        if life.state is BreakState.PROPOSED:
            raise ActionRefused(_PENDING.format(break_id))
        done = BreakState.OPEN
        return move(connection, life, done, by=by, now=now, action="reopened", why=why)

    return act


def noting(note: Note, *, by: str, now: datetime) -> Act:
    """Add a comment or a piece of evidence; the state stays."""
    must_say(by=by, body=note.body)

    def act(connection: Connection, break_id: str) -> TrackedBreak:
        life = get(connection, break_id)
        add_note(connection, break_id, note, by=by, now=now)
        return life

    return act


def add_note(
    connection: Connection, break_id: str, note: Note, *, by: str, now: datetime
) -> None:
    """Write a note and its audit row."""
    digest = None if note.content is None else sha256(note.content).hexdigest()
    size = None if note.content is None else len(note.content)
    said = {"id": break_id, "now": now, "by": by, "kind": note.kind, "body": note.body}
    row = connection.execute(text(_NOTE), {**said, "digest": digest, "size": size}).one()
    action = "break.commented" if note.kind == "comment" else "break.evidence_attached"
    told = {"note": row[0], "kind": note.kind, "body": note.body, "digest": digest}
    record(connection, by, action, break_id, told)


def do(engine: Engine, break_id: str, act: Act) -> TrackedBreak:
    """Do something to one break.

    Raises:
        LifeRefused: the rules do not allow it; nothing was changed.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return act(connection, break_id)


def do_all(
    engine: Engine, chosen: BreakFilter, act: Act, *, expected: int
) -> list[TrackedBreak]:
    """Do the same to every break a filter chooses, or to none.

    Raises:
        LifeRefused: it is not ``expected`` breaks, or the rules do not allow it for one.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        ids = ids_of(connection, chosen)
        if len(ids) != expected:
            raise ActionRefused(f"the filter chooses {len(ids)} breaks, not {expected}")
        return [act(connection, break_id) for break_id in ids]


def _step(to: BreakState, action: str, *, by: str, why: str, now: datetime) -> Act:
    def act(connection: Connection, break_id: str) -> TrackedBreak:
        life = locked(connection, break_id)
        if life.state is BreakState.PROPOSED:
            raise ActionRefused(_PENDING.format(break_id))
        return move(connection, life, to, by=by, now=now, action=action, why=why)

    return act
