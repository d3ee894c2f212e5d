"""Corrections of a break: proposed by one person, approved by another, posted, then found gone.

A correction names the provider's round, so that round, clearing and GGR carry it; the next run
then sees books that agree. A round that is missing on one side takes two: its stake and its
payout. Where nothing in our books is wrong (a line told twice, a feed that contradicts itself)
there is no correction to suggest: whoever wants one names amount and side.

Tables touched: ``break_lives``, ``adjustments``, ``audit``; the journal, by
``ledger.corrections.adjustments``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind
from breaks.limits import NO_LIMITS, WriteOffLimits
from breaks.states import ActionRefused, BreakState, must_follow
from breaks.store import TrackedBreak, locked, move, must_say, transaction
from ledger.accepting.own_operations import InRound
from ledger.corrections.adjustments import approve_on, complete, propose_on, reject_on
from ledger.posting.posting import drain
from storage.engine import url_of
from vocabulary.clock import Clock
from vocabulary.money import Money, exponent_of, minor_from_text

RoundSide = Literal["stake", "payout"]
_BOTH: tuple[RoundSide, ...] = ("stake", "payout")
#: What of our round such a break says is wrong.
_SIDES: Mapping[BreakKind, tuple[RoundSide, ...]] = MappingProxyType(
    {
        BreakKind.MISSING_IN_LEDGER: _BOTH,
        BreakKind.MISSING_AT_PROVIDER: _BOTH,
        BreakKind.STATUS: _BOTH,
        BreakKind.STAKE: ("stake",),
        BreakKind.PAYOUT: ("payout",),
    }
)
_OF_BREAK = """
SELECT id, state, abs(amount) FROM adjustments
 WHERE break_id = :id AND state IN ('proposed', 'approved') ORDER BY id FOR UPDATE
"""
_NO_OVERRIDES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What to move: signed minor units to the player; None: against the adjustment account."""

    amount: int
    side: RoundSide | None


def corrections_of(
    life: TrackedBreak, exponents: Mapping[str, int] = _NO_OVERRIDES
) -> tuple[Correction, ...]:
    """What makes our round say what the provider's says.

    ``exponents`` are the provider's, in which the two sides are written.

    Raises:
        LifeRefused: nothing in our round is known to be wrong.
    """
    exponent = exponent_of(life.currency, exponents)
    found = tuple(
        Correction(amount=amount, side=side)
        for side in _SIDES.get(life.kind, ())
        if (amount := _missing(life, side, exponent))
    )
    if not found or sum(each.amount for each in found) != life.difference:
        raise ActionRefused(
            f"{life.break_id} is {life.kind}: no correction of our round follows from it;"
            " explain it, or name the amount and the side"
        )
    return found


def propose(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    named: Correction | None = None,
    exponents: Mapping[str, int] = _NO_OVERRIDES,
) -> list[str]:
    """Propose what resolves a break, or the correction that is named; returns their ids.

    Raises:
        LifeRefused: no correction follows from the break, or its state does not allow one.
        AdjustmentRefused: the ledger would not take it: no such wallet.
        Unavailable: the database is out of reach.
    """
    must_say(by=by, why=reason)
    with transaction(engine) as connection:
        life = locked(connection, break_id)
        must_follow(break_id, life.state, BreakState.PROPOSED)
        wanted = corrections_of(life, exponents) if named is None else (named,)
        ids = [
            propose_on(
                connection,
                player=life.player or "",
                currency=life.currency,
                amount=Money(each.amount, life.currency),
                reason=reason,
                by=by,
                now=now,
                break_id=break_id,
                within=_within(life, each.side),
            )
            for each in wanted
        ]
        done = BreakState.PROPOSED
        move(connection, life, done, by=by, now=now, action="proposed", why=reason)
    return ids


def approve(
    engine: Engine, break_id: str, *, by: str, clock: Clock, limits: WriteOffLimits = NO_LIMITS
) -> TrackedBreak:
    """Approve all that is proposed for a break and book it; repeating completes what is left.

    The limit holds for all that is moved, either way, together.

    Raises:
        LifeRefused: nothing is proposed, or it is beyond the limit.
        AdjustmentRefused: who proposed it may not approve it.
        Contradiction: the ledger refused to book it; it stays approved.
        Unavailable: the database is out of reach; approving again completes it.
    """
    with transaction(engine) as connection:
        life = locked(connection, break_id)
        ids = _approved(connection, life, by=by, now=clock.now(), limits=limits)
    for proposal in ids:
        complete(engine, proposal, now=clock.now())
    drain(url_of(engine))
    with transaction(engine) as connection:
        life = locked(connection, break_id)
        if life.state is not BreakState.APPROVED:
            return life
        why = "its corrections stand in the books"
        done = BreakState.POSTED
        return move(connection, life, done, by=by, now=clock.now(), action="posted", why=why)


def reject(
    engine: Engine, break_id: str, *, by: str, reason: str, now: datetime
) -> TrackedBreak:
    """Reject all that is proposed for a break; it goes back to whoever had it.

    Raises:
        LifeRefused: nothing is proposed.
        AdjustmentRefused: who proposed it may not decide about it.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        life = locked(connection, break_id)
        if life.state is not BreakState.PROPOSED:
            raise ActionRefused(f"{break_id} is {life.state}: nothing is proposed")
        for proposal, _state, _amount in _waiting(connection, break_id):
            reject_on(connection, proposal, by=by, reason=reason, now=now)
        back = BreakState.ASSIGNED if life.assignee else BreakState.OPEN
        return move(connection, life, back, by=by, now=now, action="rejected", why=reason)


def _approved(
    connection: Connection,
    life: TrackedBreak,
    *,
    by: str,
    now: datetime,
    limits: WriteOffLimits,
) -> list[str]:
    """Mark what waits as approved; the ids of what is to be booked."""
    if life.state in {BreakState.APPROVED, BreakState.POSTED}:  # asked for once more
        return [proposal for proposal, _state, _amount in _waiting(connection, life.break_id)]
    must_follow(life.break_id, life.state, BreakState.APPROVED)
    waiting = _waiting(connection, life.break_id)
    total = sum(amount for _proposal, _state, amount in waiting)
    limits.check(by, total, life.currency)
    for proposal, _state, _amount in waiting:
        approve_on(connection, proposal, by=by, now=now, role=limits.role_of(by))
    why = f"{len(waiting)} corrections, {Money(total, life.currency).text()} {life.currency}"
    done = BreakState.APPROVED
    move(connection, life, done, by=by, now=now, action="approved", why=why)
    return [proposal for proposal, _state, _amount in waiting]


def _waiting(connection: Connection, break_id: str) -> list[tuple[str, str, int]]:
    rows = connection.execute(text(_OF_BREAK), {"id": break_id})
    return [(row[0], row[1], int(row[2])) for row in rows]


def _missing(life: TrackedBreak, side: RoundSide, exponent: int) -> int:
    """What the player is owed on this side: more payout than we booked, or less stake."""
    more = _told(life.theirs, side, exponent) - _told(life.ours, side, exponent)
    return -more if side == "stake" else more


def _told(side: Mapping[str, object] | None, name: RoundSide, exponent: int) -> int:
    if side is None:
        return 0
    return minor_from_text(str(side[name]), exponent, path=name)


def _within(life: TrackedBreak, side: RoundSide | None) -> InRound | None:
    if side is None:
        return None
    return InRound(provider=life.provider, round_id=life.round_id, side=side)
