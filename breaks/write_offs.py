"""Write-offs: one person proposes to accept a difference with the provider, another decides.

The command line approves and books in one transaction. The console only approves: its role
cannot write the books, so the scheduler books what is approved.

A write-off moves no wallet. It moves the difference from GGR to the account ``difference``, so
that GGR equals the provider's figure, and stays booked for as long as the break differs by that
amount. If a run finds another difference, or none, the write-off is reversed. Tables written:
``write_offs``, ``residuals`` (the journal), ``break_workflows``, ``audit``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, text

from breaks.impact import effects_of
from breaks.policy import NO_LIMITS, WriteOffLimits
from breaks.states import ActionRefused, BreakChanged, BreakState, check_step
from breaks.store import (
    TrackedBreak,
    get_break,
    lock_break,
    move_break,
    require_text,
    require_version,
    transaction,
)
from ledger.corrections.write_off_bookings import book_write_off, reverse_booking
from storage.audit import record

_PROPOSE = """
INSERT INTO write_offs (write_off_id, break_id, provider, round_id, match_key, currency, amount,
                        reason, proposed_by, proposed_at, state)
SELECT :id, break_id, provider, round_id, match_key, currency, difference, :reason, :by, :now,
       'proposed'
  FROM breaks WHERE break_id = :break_id
"""
_OPEN = """
SELECT write_off_id, state, amount, currency, proposed_by, decided_by FROM write_offs
 WHERE break_id = :break_id AND state = ANY(:states) FOR UPDATE
"""
_APPROVED = "SELECT break_id FROM write_offs WHERE state = 'approved' ORDER BY decided_at"
_SET_BOOKED = "UPDATE write_offs SET state = 'booked' WHERE write_off_id = :id"
_DECIDE = """
UPDATE write_offs SET state = :state, decided_by = :by, decided_at = :now
 WHERE write_off_id = :id
"""
_REVERSE = """
UPDATE write_offs SET state = 'reversed', reversed_by = :by, reversed_at = :now
 WHERE write_off_id = :id
"""
_OF_BREAK = """
SELECT write_off_id, state, amount, currency, reason, proposed_by, proposed_at, decided_by,
       decided_at, reversed_by, reversed_at
  FROM write_offs WHERE break_id = :break_id ORDER BY proposed_at, write_off_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """One write-off; ``amount`` signed as the break's difference, minor units."""

    write_off_id: str
    state: str
    amount: int
    currency: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reversed_by: str | None
    reversed_at: datetime | None


def propose_write_off(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    version: str | None = None,
) -> str:
    """Propose to write a break's difference with the provider off; returns the proposal's id.

    ``version``: only if the break still has it.

    Raises:
        BreakChanged: it has another version.
        ActionRefused: no invoice counts the difference, or the state does not allow it.
        Unavailable: the database is out of reach.
    """
    require_text(by=by, why=reason)
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        check_step(break_id, break_.state, BreakState.WRITE_OFF_PROPOSED)
        if effects_of(break_.kind, break_.difference).invoice == 0:
            raise ActionRefused(
                f"{break_id} is {break_.kind}: our GGR and the provider's do not differ by it,"
                " so there is nothing to write off; correct, explain or close it"
            )
        name = f"wof-{uuid4().hex}"
        params = {"id": name, "break_id": break_id, "reason": reason, "by": by, "now": now}
        connection.execute(text(_PROPOSE), params)
        record(connection, by, "write_off.proposed", name, {"break": break_id, "why": reason})
        _move(connection, break_, BreakState.WRITE_OFF_PROPOSED, by=by, now=now, why=reason)
    return name


def approve_write_off(
    engine: Engine, break_id: str, *, by: str, now: datetime, limits: WriteOffLimits = NO_LIMITS
) -> TrackedBreak:
    """Approve another person's write-off and book it; books one that is approved already.

    Raises:
        ActionRefused: nothing is proposed, the same person proposed it, it is beyond the limit,
            or the difference has changed since.
        Unavailable: the database is out of reach.
    """
    require_text(by=by)
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        check_step(break_id, break_.state, BreakState.WRITTEN_OFF)
        if _open_write_off(connection, break_).state == "approved":
            return _book_approved(connection, break_, now=now)
        name = _approve(connection, break_, "booked", by=by, now=now, limits=limits)
        return _book(connection, break_, name, by=by, now=now)


def approve_write_off_only(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    now: datetime,
    limits: WriteOffLimits = NO_LIMITS,
    version: str | None = None,
) -> TrackedBreak:
    """Approve another person's write-off; ``book_approved_write_off`` books it.

    ``version``: only if the break still has it.

    Raises:
        BreakChanged: it has another version, or somebody approved it meanwhile.
        ActionRefused: nothing is proposed, the same person proposed it, it is beyond the limit,
            or the difference has changed since.
        Unavailable: the database is out of reach.
    """
    require_text(by=by)
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        check_step(break_id, break_.state, BreakState.WRITTEN_OFF)
        _refuse_approved(_open_write_off(connection, break_))
        _approve(connection, break_, "approved", by=by, now=now, limits=limits)
        return get_break(connection, break_id)


def book_approved_write_off(engine: Engine, break_id: str, *, now: datetime) -> bool:
    """Book the approved write-off of a break; False if it has none any more.

    Raises:
        ActionRefused: the difference has changed since it was proposed.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        if break_.state is not BreakState.WRITE_OFF_PROPOSED:
            return False
        if _open_write_off(connection, break_).state != "approved":
            return False
        _book_approved(connection, break_, now=now)
        return True


def breaks_to_write_off(engine: Engine) -> list[str]:
    """The breaks whose write-offs are approved and not booked, the oldest approval first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return list(connection.execute(text(_APPROVED)).scalars())


def reject_write_off(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    version: str | None = None,
) -> TrackedBreak:
    """Reject another person's write-off; the break returns to its assignee.

    ``version``: only if the break still has it.

    Raises:
        BreakChanged: it has another version, or somebody approved it meanwhile.
        ActionRefused: nothing is proposed, or the same person proposed it.
        Unavailable: the database is out of reach.
    """
    require_text(by=by, why=reason)
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        proposal = _open_write_off(connection, break_)
        _refuse_approved(proposal)
        _refuse_own(proposal.proposed_by, by)
        _decide(connection, proposal.write_off_id, "rejected", by=by, now=now)
        back = BreakState.ASSIGNED if break_.assignee else BreakState.OPEN
        return _move(connection, break_, back, by=by, now=now, why=reason)


def end_write_offs(
    connection: Connection, break_id: str, *, by: str, now: datetime, why: str
) -> None:
    """Reject a break's proposed write-off and reverse its approved or booked one.

    The caller moves the break in the same transaction, afterwards.
    """
    params = {"break_id": break_id, "states": ["proposed", "approved", "booked"]}
    for row in connection.execute(text(_OPEN), params).all():
        if row.state == "proposed":
            _decide(connection, row.write_off_id, "rejected", by=by, now=now)
            continue
        connection.execute(text(_REVERSE), {"id": row.write_off_id, "by": by, "now": now})
        if row.state == "booked":
            reverse_booking(connection, row.write_off_id)
        record(connection, by, "write_off.reversed", row.write_off_id, {"why": why})


def write_offs_of(connection: Connection, break_id: str) -> list[WriteOff]:
    """All write-offs of a break, the oldest first."""
    rows = connection.execute(text(_OF_BREAK), {"break_id": break_id}).mappings()
    return [WriteOff(**row) for row in rows]


def _open_write_off(connection: Connection, break_: TrackedBreak) -> Row[Any]:
    """The write-off of a break that is proposed or approved, locked.

    Raises:
        ActionRefused: there is none.
    """
    params = {"break_id": break_.break_id, "states": ["proposed", "approved"]}
    row = connection.execute(text(_OPEN), params).one_or_none()
    if row is None:
        raise ActionRefused(f"{break_.break_id} is {break_.state}: no write-off is proposed")
    return row


def _approve(
    connection: Connection,
    break_: TrackedBreak,
    state: str,
    *,
    by: str,
    now: datetime,
    limits: WriteOffLimits,
) -> str:
    """Approve a write-off, which is booked at once or later; returns its id."""
    proposal = _open_write_off(connection, break_)
    _refuse_own(proposal.proposed_by, by)
    _refuse_other_amount(break_, proposal)
    limits.check(by, proposal.amount, proposal.currency)
    name = str(proposal.write_off_id)
    _decide(connection, name, state, by=by, now=now)
    return name


def _book_approved(
    connection: Connection, break_: TrackedBreak, *, now: datetime
) -> TrackedBreak:
    """Book an approved write-off in the name of whoever approved it."""
    approved = _open_write_off(connection, break_)
    _refuse_other_amount(break_, approved)
    name, by = approved.write_off_id, approved.decided_by
    connection.execute(text(_SET_BOOKED), {"id": name})
    record(connection, by, "write_off.booked", name, {})
    return _book(connection, break_, name, by=by, now=now)


def _book(
    connection: Connection, break_: TrackedBreak, name: str, *, by: str, now: datetime
) -> TrackedBreak:
    book_write_off(connection, name)
    why = f"written off to the account difference by {name}"
    return _move(connection, break_, BreakState.WRITTEN_OFF, by=by, now=now, why=why)


def _refuse_approved(write_off: Row[Any]) -> None:
    if write_off.state == "approved":
        raise BreakChanged(f"{write_off.decided_by} approved the write-off meanwhile")


def _refuse_other_amount(break_: TrackedBreak, write_off: Row[Any]) -> None:
    if write_off.amount != break_.difference:
        raise ActionRefused(
            f"{break_.break_id} differs by another amount since it was proposed"
        )


def _decide(connection: Connection, name: str, state: str, *, by: str, now: datetime) -> None:
    params = {"id": name, "state": state, "by": by, "now": now}
    connection.execute(text(_DECIDE), params)
    record(connection, by, f"write_off.{state}", name, {})


def _refuse_own(proposed_by: str, by: str) -> None:
    if proposed_by == by:
        raise ActionRefused(f"{by} proposed the write-off: another person decides")


def _move(
    connection: Connection,
    break_: TrackedBreak,
    to: BreakState,
    *,
    by: str,
    now: datetime,
    why: str,
) -> TrackedBreak:
    action = {
        BreakState.WRITE_OFF_PROPOSED: "write_off_proposed",
        BreakState.WRITTEN_OFF: "written_off",
    }.get(to, "write_off_rejected")
    return move_break(connection, break_, to, by=by, now=now, action=action, why=why)
