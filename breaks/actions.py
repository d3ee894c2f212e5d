"""Actions on breaks, one or many: assign, explain, wait, close, reopen, note.

An action and its audit row are one transaction; a refused action changes nothing. Tables
written: ``break_workflows``, ``break_notes``, ``break_mentions``, ``break_files``, ``audit``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, Engine, text

from breaks.lists.queries import BreakFilter, lock_ids
from breaks.mentions import store_mentions
from breaks.states import ActionRefused, BreakState
from breaks.store import (
    BreakMove,
    TrackedBreak,
    get_break,
    lock_break,
    move_break,
    plan_move,
    require_text,
    require_version,
    transaction,
    write_moves,
)
from breaks.write_offs import end_write_offs
from storage.audit import record
from vocabulary.currencies import Exponents
from vocabulary.money import Money
from vocabulary.plurals import counted

_NOTE = """
INSERT INTO break_notes (break_id, at, author, kind, body, digest, size)
VALUES (:id, :now, :by, :kind, :body, :digest, :size) RETURNING note_id
"""

#: A note of the same words and bytes, which its author wrote since they saw the last one.
_IS_NOTED = """
SELECT EXISTS (SELECT FROM break_notes
                WHERE break_id = :id AND note_id > :seen AND author = :by AND kind = :kind
                  AND body = :body AND digest IS NOT DISTINCT FROM :digest)
"""
_NEWEST = "SELECT coalesce(max(note_id), 0) FROM break_notes"

_FILE = """
INSERT INTO break_files (note_id, media_type, content) VALUES (:id, :type, :content)
"""

NoteKind = Literal["comment", "text", "file", "link", "detail"]

#: Acts on one break, within the transaction of the connection.
BreakAction = Callable[[Connection, str], TrackedBreak]

#: The moves of a locked break, not written yet; raises ActionRefused.
BreakMoves = Callable[[TrackedBreak], Sequence[BreakMove]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment or a piece of evidence.

    Attributes:
        body: the text, the name of a file, or the address of a link.
        content: the bytes of a file or page; their digest and length are kept.
        media_type: of a file whose bytes are kept, too.
    """

    kind: NoteKind
    body: str
    content: bytes | None = None
    media_type: str | None = None


def assigning(*, to: str, by: str, now: datetime, why: str = "assigned") -> BreakAction:
    """Assign a break to a person, whoever had it before."""
    return _writing(assignment(to=to, by=by, now=now, why=why))


def assignment(*, to: str, by: str, now: datetime, why: str = "assigned") -> BreakMoves:
    """The moves that assign a break to a person."""
    require_text(to=to)
    move = partial(plan_move, by=by, now=now, why=why)

    def moves(break_: TrackedBreak) -> list[BreakMove]:
        refuse_proposed(break_)
        planned = []
        if break_.state is BreakState.ASSIGNED:  # from one person to another
            planned.append(move(break_, BreakState.OPEN, action="taken_back"))
            break_ = planned[0].after
        planned.append(move(break_, BreakState.ASSIGNED, action="assigned", assignee=to))
        return planned

    return moves


def explaining(*, by: str, why: str, now: datetime) -> BreakAction:
    """Explain why the books differ and need no correction; holds for this difference only."""
    return _writing(explanation(by=by, why=why, now=now))


def explanation(*, by: str, why: str, now: datetime) -> BreakMoves:
    """The move that explains a break."""
    return _step(BreakState.EXPLAINED, "explained", by=by, why=why, now=now)


def awaiting(*, by: str, why: str, now: datetime) -> BreakAction:
    """Leave a break until the provider answers; its due date stays."""
    return _writing(waiting(by=by, why=why, now=now))


def waiting(*, by: str, why: str, now: datetime) -> BreakMoves:
    """The move that leaves a break to the provider."""
    return _step(BreakState.WAITING, "waiting", by=by, why=why, now=now)


def closing(
    *,
    by: str,
    why: str,
    now: datetime,
    exponents: Callable[[str], Exponents],
) -> BreakAction:
    """Close a break by hand that carries no money, or whose correction is booked.

    Nothing is booked. Money is corrected or written off by two people, or explained; a run
    closes the break once the books agree. ``exponents`` are a provider's
    by its slug, for the text of a refusal.
    """

    def action(connection: Connection, break_id: str) -> TrackedBreak:
        break_ = _lock_undecided(connection, break_id)
        if break_.state is BreakState.WRITTEN_OFF:
            raise ActionRefused(f"{break_id} is written off: a run closes it once it is gone")
        if break_.state is not BreakState.POSTED:  # two people approved its correction
            _refuse_money(break_, exponents(break_.provider))
        return move_break(
            connection, break_, BreakState.CLOSED, by=by, now=now, action="closed", why=why
        )

    return action


def reopening(*, by: str, why: str, now: datetime) -> BreakAction:
    """Reopen a break; a write-off of it is reversed."""
    step = _writing(_step(BreakState.OPEN, "reopened", by=by, why=why, now=now))

    def action(connection: Connection, break_id: str) -> TrackedBreak:
        require_text(by=by, why=why)
        if lock_break(connection, break_id).state is BreakState.WRITTEN_OFF:
            end_write_offs(connection, break_id, by=by, now=now, why=why)
        return step(connection, break_id)

    return action


def noting(note: Note, *, by: str, now: datetime, seen: int | None = None) -> BreakAction:
    """Add a comment or a piece of evidence; the state stays.

    A form that is sent twice adds one note: ``seen`` is the newest note when it was made.
    """
    require_text(by=by, body=note.body)

    def action(connection: Connection, break_id: str) -> TrackedBreak:
        if seen is None:
            break_ = get_break(connection, break_id)
        else:  # of two equal forms at one moment, the second sees the note of the first
            break_ = lock_break(connection, break_id)
        if seen is None or not is_noted(connection, break_id, note, by=by, seen=seen):
            add_note(connection, break_id, note, by=by, now=now)
        return break_

    return action


def newest_note(connection: Connection) -> int:
    """The number of the newest note of any break, for forms; 0: there is none."""
    return int(connection.execute(text(_NEWEST)).scalar_one())


def is_noted(connection: Connection, break_id: str, note: Note, *, by: str, seen: int) -> bool:
    """Whether the author added the same note after the note ``seen``."""
    params = {
        "id": break_id,
        "seen": seen,
        "by": by,
        "kind": note.kind,
        "body": note.body,
        "digest": _digest_of(note),
    }
    return bool(connection.execute(text(_IS_NOTED), params).scalar_one())


def add_note(
    connection: Connection, break_id: str, note: Note, *, by: str, now: datetime
) -> None:
    """Write a note and its audit row."""
    params = {
        "id": break_id,
        "now": now,
        "by": by,
        "kind": note.kind,
        "body": note.body,
        "digest": _digest_of(note),
        "size": None if note.content is None else len(note.content),
    }
    note_id = connection.execute(text(_NOTE), params).scalar_one()
    if note.kind == "comment":
        store_mentions(connection, break_id, note_id, note.body)
    if note.media_type and note.content is not None:
        content = {"id": note_id, "type": note.media_type, "content": note.content}
        connection.execute(text(_FILE), content)
    action = "break.commented" if note.kind == "comment" else "break.evidence_attached"
    detail = {"note": note_id, **{name: params[name] for name in ("kind", "body", "digest")}}
    record(connection, by, action, break_id, detail)


def _digest_of(note: Note) -> str | None:
    return None if note.content is None else sha256(note.content).hexdigest()


def if_unchanged(action: BreakAction, version: str) -> BreakAction:
    """The action, refused with ``BreakChanged`` if the break has another version by now."""

    def checked(connection: Connection, break_id: str) -> TrackedBreak:
        require_version(lock_break(connection, break_id), version)
        return action(connection, break_id)

    return checked


def apply(engine: Engine, break_id: str, action: BreakAction) -> TrackedBreak:
    """Apply an action to one break.

    Raises:
        ActionRefused: the rules do not allow it; nothing was changed.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return action(connection, break_id)


def apply_to_ids(
    engine: Engine, break_ids: Sequence[str], action: BreakAction
) -> list[TrackedBreak]:
    """Apply an action to each of these breaks, or to none.

    Raises:
        ActionRefused: the rules do not allow the action for one of them.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return [action(connection, break_id) for break_id in sorted(break_ids)]


def apply_to_all(
    engine: Engine, break_filter: BreakFilter, action: BreakAction, *, expected: int
) -> list[TrackedBreak]:
    """Apply an action to every break that a filter matches, or to none.

    Raises:
        ActionRefused: the filter does not match ``expected`` breaks, or the rules do not allow
            the action for one of them.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        ids = lock_ids(connection, break_filter)
        require_count(len(ids), expected)
        return [action(connection, break_id) for break_id in ids]


def require_count(count: int, expected: int) -> None:
    """Refuse to go on if a filter matches more or fewer breaks than expected.

    Raises:
        ActionRefused: it does.
    """
    if count != expected:
        raise ActionRefused(f"the filter matches {counted(count, 'break')}, not {expected}")


def _writing(moves: BreakMoves) -> BreakAction:
    """The action that locks a break and writes its moves."""

    def action(connection: Connection, break_id: str) -> TrackedBreak:
        planned = moves(lock_break(connection, break_id))
        write_moves(connection, planned)
        return planned[-1].after

    return action


def _step(to: BreakState, name: str, *, by: str, why: str, now: datetime) -> BreakMoves:
    def moves(break_: TrackedBreak) -> list[BreakMove]:
        refuse_proposed(break_)
        return [plan_move(break_, to, by=by, now=now, action=name, why=why)]

    return moves


def _refuse_money(break_: TrackedBreak, exponents: Exponents) -> None:
    """Refuse to close a break that does something to the player or to the invoice."""
    effects, name = break_.effects, break_.break_id
    if not (effects.player or effects.invoice):
        return
    cures = [f"correct it (tieout breaks propose {name})"]
    if effects.invoice:
        cures.append(f"write it off (tieout breaks write-off {name})")
    cures.append(f"explain it (tieout breaks explain {name})")
    amount = Money(abs(break_.difference), break_.currency).text(exponents=exponents)
    raise ActionRefused(
        f"{name} carries {amount} {break_.currency}, and closing books nothing:"
        f" {', or '.join([', '.join(cures[:-1]), cures[-1]])}; a run closes it once the books"
        " agree"
    )


def _lock_undecided(connection: Connection, break_id: str) -> TrackedBreak:
    """One break, locked, without a proposed correction or write-off."""
    break_ = lock_break(connection, break_id)
    refuse_proposed(break_)
    return break_


def refuse_proposed(break_: TrackedBreak) -> None:
    """Check that no correction or write-off of a break is proposed.

    Raises:
        ActionRefused: one is.
    """
    if break_.state in {BreakState.PROPOSED, BreakState.WRITE_OFF_PROPOSED}:
        proposal = "adjustment" if break_.state is BreakState.PROPOSED else "write-off"
        raise ActionRefused(
            f"{break_.break_id} has a proposed {proposal}: approve or reject it first"
        )
