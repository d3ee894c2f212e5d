"""Corrections of a break: proposed by one person, approved by another, then posted.

A correction belongs to the provider's round, so the round, its clearing and GGR include it, and
the next run finds books that agree. A round that is missing on one side takes two corrections:
its stake and its payout. If nothing in our books is known to be wrong (a line delivered twice,
a feed that contradicts itself), none is suggested; a person may name amount and side.

Tables written: ``break_workflows``, ``adjustments``, ``audit``; the journal by
``ledger.corrections.adjustments``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind
from breaks.policy import NO_LIMITS, WriteOffLimits
from breaks.states import ActionRefused, BreakState, check_step
from breaks.store import (
    TrackedBreak,
    get_break,
    lock_break,
    move_break,
    require_text,
    require_version,
    transaction,
)
from ledger.accepting.own_operations import InRound
from ledger.corrections.adjustments import approve_on, book_approved, propose_on, reject_on
from ledger.posting.posting import post_all_at
from storage.engine import url_of
from vocabulary.clock import Clock
from vocabulary.money import Money, exponent_of, minor_from_text

RoundSide = Literal["stake", "payout"]
_BOTH: tuple[RoundSide, ...] = ("stake", "payout")
#: The sides of our round that a break of this kind shows to be wrong.
_SIDES: Mapping[BreakKind, tuple[RoundSide, ...]] = MappingProxyType(
    {
        BreakKind.MISSING_IN_LEDGER: _BOTH,
        BreakKind.MISSING_AT_PROVIDER: _BOTH,
        BreakKind.UNANSWERED: _BOTH,
        BreakKind.STATUS: _BOTH,
        BreakKind.STAKE: ("stake",),
        BreakKind.PAYOUT: ("payout",),
    }
)
_OPEN_ADJUSTMENTS = """
SELECT id, abs(amount) AS amount FROM adjustments
 WHERE break_id = :id AND state IN ('proposed', 'approved') ORDER BY id FOR UPDATE
"""
_APPROVED = """
SELECT l.break_id, (SELECT max(a.decided_by) FROM adjustments a
                     WHERE a.break_id = l.break_id AND a.state IN ('approved', 'posted')) AS by
  FROM break_workflows l WHERE l.state = 'approved' ORDER BY l.since
"""
_NO_OVERRIDES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Signed minor units to the player; side None: against the adjustment account."""

    amount: int
    side: RoundSide | None


def suggested_corrections(
    break_: TrackedBreak, exponents: Mapping[str, int] = _NO_OVERRIDES
) -> tuple[Correction, ...]:
    """The corrections that make our round equal to the provider's.

    ``exponents`` are the provider's, in which both sides are written.

    Raises:
        ActionRefused: nothing in our round is known to be wrong.
    """
    exponent = exponent_of(break_.currency, exponents)
    amounts = {
        side: _amount_owed(break_, side, exponent) for side in _SIDES.get(break_.kind, ())
    }
    if not any(amounts.values()) or sum(amounts.values()) != break_.difference:
        raise ActionRefused(
            f"{break_.break_id} is {break_.kind}: no correction can be derived from it; explain"
            " the break, or name the amount and the side"
        )
    return tuple(
        Correction(amount=amount, side=side) for side, amount in amounts.items() if amount
    )


def propose(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    named: Correction | None = None,
    exponents: Mapping[str, int] = _NO_OVERRIDES,
    version: str | None = None,
) -> list[str]:
    """Propose the suggested corrections of a break, or the ``named`` one; returns their ids.

    ``version``: only if the break still has it.

    Raises:
        BreakChanged: it has another version.
        ActionRefused: no correction is suggested, or the state of the break does not allow one.
        AdjustmentRefused: the ledger does not take it, because there is no such wallet.
        Unavailable: the database is out of reach.
    """
    require_text(by=by, why=reason)
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        check_step(break_id, break_.state, BreakState.PROPOSED)
        suggested = suggested_corrections(break_, exponents) if named is None else (named,)
        ids = [
            propose_on(
                connection,
                player=break_.player or "",
                currency=break_.currency,
                amount=Money(correction.amount, break_.currency),
                reason=reason,
                by=by,
                now=now,
                break_id=break_id,
                within=_round_side(break_, correction.side),
            )
            for correction in suggested
        ]
        move = partial(move_break, connection, break_, by=by, now=now)
        move(BreakState.PROPOSED, action="proposed", why=reason)
    return ids


def approve(
    engine: Engine, break_id: str, *, by: str, clock: Clock, limits: WriteOffLimits = NO_LIMITS
) -> TrackedBreak:
    """Approve all proposed corrections of a break and book them.

    The limit applies to the sum of all amounts, whatever their signs. Approving again completes
    an approval that was interrupted.

    Raises:
        ActionRefused: nothing is proposed, or it is beyond the limit.
        AdjustmentRefused: the person who proposed it must not approve it.
        Contradiction: the ledger refused to book it; it stays approved.
        Unavailable: the database is out of reach; approving again completes it.
    """
    approve_only(engine, break_id, by=by, now=clock.now(), limits=limits)
    return book(engine, break_id, by=by, clock=clock)


def approve_only(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    now: datetime,
    limits: WriteOffLimits = NO_LIMITS,
    version: str | None = None,
) -> TrackedBreak:
    """Approve all proposed corrections of a break; ``book`` books them afterwards.

    ``version``: only if the break still has it.

    Raises:
        ActionRefused: nothing is proposed, it is beyond the limit, or the version differs.
        AdjustmentRefused: the person who proposed it must not approve it.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        _approve_proposals(connection, break_, by=by, now=now, limits=limits)
        return get_break(connection, break_id)


def book(engine: Engine, break_id: str, *, by: str, clock: Clock) -> TrackedBreak:
    """Book the approved corrections of a break; repeating it completes an interrupted one.

    Raises:
        Contradiction: the ledger refused to book one; the break stays approved.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        ids = [proposal.id for proposal in _open_proposals(connection, break_id)]
    for proposal_id in ids:
        book_approved(engine, proposal_id, now=clock.now())
    post_all_at(url_of(engine))
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        if break_.state is not BreakState.APPROVED:
            return break_
        move = partial(move_break, connection, break_, by=by, now=clock.now())
        return move(BreakState.POSTED, action="posted", why="its corrections are booked")


def approved_breaks(engine: Engine) -> list[tuple[str, str]]:
    """The breaks whose corrections are approved and not booked: id, and who approved them.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return [(row.break_id, row.by) for row in connection.execute(text(_APPROVED))]


def reject(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    version: str | None = None,
) -> TrackedBreak:
    """Reject all proposed corrections of a break; it returns to its assignee.

    ``version``: only if the break still has it.

    Raises:
        ActionRefused: nothing is proposed, or the version differs.
        AdjustmentRefused: the person who proposed it must not reject it.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        if break_.state is not BreakState.PROPOSED:
            raise ActionRefused(f"{break_id} is {break_.state}: nothing is proposed")
        for proposal in _open_proposals(connection, break_id):
            reject_on(connection, proposal.id, by=by, reason=reason, now=now)
        back = BreakState.ASSIGNED if break_.assignee else BreakState.OPEN
        return move_break(
            connection, break_, back, by=by, now=now, action="rejected", why=reason
        )


def _approve_proposals(
    connection: Connection,
    break_: TrackedBreak,
    *,
    by: str,
    now: datetime,
    limits: WriteOffLimits,
) -> None:
    """Approve the proposals of a break, unless they are approved already."""
    proposals = _open_proposals(connection, break_.break_id)
    if break_.state in {BreakState.APPROVED, BreakState.POSTED}:  # approved before
        return
    check_step(break_.break_id, break_.state, BreakState.APPROVED)
    total = sum(proposal.amount for proposal in proposals)
    limits.check(by, total, break_.currency)
    for proposal in proposals:
        approve_on(connection, proposal.id, by=by, now=now, role=limits.role_of(by))
    amount = f"{Money(total, break_.currency).text()} {break_.currency}"
    move = partial(move_break, connection, break_, by=by, now=now)
    move(BreakState.APPROVED, action="approved", why=f"{len(proposals)} corrections, {amount}")


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A proposal that is not booked yet; ``amount`` unsigned, minor units."""

    id: str
    amount: int


def _open_proposals(connection: Connection, break_id: str) -> list[_Proposal]:
    rows = connection.execute(text(_OPEN_ADJUSTMENTS), {"id": break_id})
    return [_Proposal(row.id, int(row.amount)) for row in rows]


def _amount_owed(break_: TrackedBreak, side: RoundSide, exponent: int) -> int:
    """The amount the player is owed on this side: more payout than we booked, or less stake."""
    theirs = _amount(break_.theirs, side, exponent)
    ours = _amount(break_.ours, side, exponent)
    return ours - theirs if side == "stake" else theirs - ours


def _amount(values: Mapping[str, object] | None, side: RoundSide, exponent: int) -> int:
    return 0 if values is None else minor_from_text(str(values[side]), exponent, path=side)


def _round_side(break_: TrackedBreak, side: RoundSide | None) -> InRound | None:
    if side is None:
        return None
    return InRound(provider=break_.provider, round_id=break_.round_id, side=side)
