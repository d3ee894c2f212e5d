"""Corrections of a break: proposed by one person, approved by another, then posted.

Every correction is tried before it is stored, and again before it is approved: see
``breaks.corrections.trials``. A correction belongs to the provider's round, so the round, its
clearing and GGR include it, and the next run finds books that agree. A round that is missing on
one side takes two corrections: its stake and its payout. If nothing in our books is known to be
wrong (a line delivered twice, a feed that contradicts itself), none is suggested; a person may
name amount and side.

Tables written: ``break_workflows``, ``adjustments``, ``correction_trials``, ``audit``; the
journal by ``ledger.corrections.adjustments``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine, text

from breaks.corrections.suggestions import (
    Correction,
    RoundSide,
    suggested_corrections,
)
from breaks.corrections.trials import (
    Source,
    TryCorrections,
    check_overruled,
    check_trial,
    check_tried,
    overruled_by_proposal,
    store_trial,
)
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
from vocabulary.currencies import Exponents
from vocabulary.money import Money
from vocabulary.plurals import counted

_OPEN_ADJUSTMENTS = """
SELECT id, amount, side FROM adjustments
 WHERE break_id = :id AND state IN ('proposed', 'approved') ORDER BY id FOR UPDATE
"""
_APPROVED = """
SELECT l.break_id, (SELECT max(a.decided_by) FROM adjustments a
                     WHERE a.break_id = l.break_id AND a.state IN ('approved', 'posted')) AS by
  FROM break_workflows l WHERE l.state = 'approved' ORDER BY l.since
"""


def propose(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    try_corrections: TryCorrections,
    named: Correction | None = None,
    overruled: Collection[Source] = (),
    exponents: Mapping[str, int],
    version: str | None = None,
) -> list[str]:
    """Try and propose the suggested corrections of a break, or the ``named`` one.

    Args:
        engine: of the database.
        break_id: what is corrected.
        by: who proposes it.
        reason: why.
        now: the instant of the proposal.
        try_corrections: tries them; the answer is stored with the proposal.
        named: instead of the suggested ones.
        overruled: the sources that are wrong where they contradict the correction.
        exponents: the provider's decimal places.
        version: only if the break still has it.

    Returns:
        The ids of the proposals.

    Raises:
        BreakChanged: it has another version.
        ActionRefused: no correction is suggested, the state of the break does not allow one, or
            it would not cure the break.
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
            _propose_one(
                connection,
                break_,
                correction,
                by=by,
                reason=reason,
                now=now,
                exponents=exponents,
            )
            for correction in suggested
        ]
        trial = try_corrections(break_, suggested, now=now)
        check_trial(trial, overruled)
        check_overruled(trial, overruled)
        store_trial(
            connection,
            trial,
            phase="proposed",
            adjustments=ids,
            overruled=overruled,
            exponents=exponents,
        )
        move = partial(move_break, connection, break_, by=by, now=now)
        why = _with_overruled(reason, overruled)
        move(BreakState.PROPOSED, action="proposed", why=why)
    return ids


def approve(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    clock: Clock,
    try_corrections: TryCorrections,
    limits: WriteOffLimits = NO_LIMITS,
    exponents: Mapping[str, int],
) -> TrackedBreak:
    """Try all proposed corrections of a break again, approve them, and book them.

    The limit applies to the sum of all amounts, whatever their signs. Approving again completes
    an approval that was interrupted.

    Raises:
        ActionRefused: nothing is proposed, it is beyond the limit, or it would not cure the
            break any more.
        AdjustmentRefused: the person who proposed it must not approve it.
        Contradiction: the ledger refused to book it; it stays approved.
        Unavailable: the database is out of reach; approving again completes it.
    """
    approve_only(
        engine,
        break_id,
        by=by,
        now=clock.now(),
        try_corrections=try_corrections,
        limits=limits,
        exponents=exponents,
    )
    return book(engine, break_id, by=by, clock=clock)


def approve_only(
    engine: Engine,
    break_id: str,
    *,
    by: str,
    now: datetime,
    try_corrections: TryCorrections,
    limits: WriteOffLimits = NO_LIMITS,
    exponents: Mapping[str, int],
    version: str | None = None,
) -> TrackedBreak:
    """Try all proposed corrections of a break again and approve them; ``book`` books them.

    ``version``: only if the break still has it.

    Raises:
        ActionRefused: nothing is proposed, it is beyond the limit, it would not cure the break
            any more, or the version differs.
        AdjustmentRefused: the person who proposed it must not approve it.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        break_ = lock_break(connection, break_id)
        require_version(break_, version)
        _approve_proposals(
            connection,
            break_,
            by=by,
            now=now,
            try_corrections=try_corrections,
            limits=limits,
            exponents=exponents,
        )
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


def _propose_one(
    connection: Connection,
    break_: TrackedBreak,
    correction: Correction,
    *,
    by: str,
    reason: str,
    now: datetime,
    exponents: Exponents,
) -> str:
    return propose_on(
        connection,
        player=break_.player or "",
        currency=break_.currency,
        amount=Money(correction.amount, break_.currency),
        reason=reason,
        by=by,
        now=now,
        break_id=break_.break_id,
        within=_round_side(break_, correction.side),
        exponents=exponents,
    )


def _approve_proposals(
    connection: Connection,
    break_: TrackedBreak,
    *,
    by: str,
    now: datetime,
    try_corrections: TryCorrections,
    limits: WriteOffLimits,
    exponents: Mapping[str, int],
) -> None:
    """Approve the proposals of a break, unless they are approved already."""
    proposals = _open_proposals(connection, break_.break_id)
    if break_.state in {BreakState.APPROVED, BreakState.POSTED}:  # approved before
        return
    check_step(break_.break_id, break_.state, BreakState.APPROVED)
    if not proposals:
        raise ActionRefused(
            f"no correction of {break_.break_id} is proposed any more: reject it with `tieout"
            f" breaks reject {break_.break_id}`, then it can be decided anew"
        )
    total = sum(abs(proposal.correction.amount) for proposal in proposals)
    limits.check(by, total, break_.currency)
    ids = [proposal.id for proposal in proposals]
    check_tried(connection, break_.break_id, ids)
    for proposal_id in ids:
        role = limits.role_of(by)
        approve_on(connection, proposal_id, by=by, now=now, role=role, exponents=exponents)
    trial = try_corrections(break_, [proposal.correction for proposal in proposals], now=now)
    overruled = overruled_by_proposal(connection, break_.break_id)
    check_trial(trial, overruled)
    store_trial(
        connection,
        trial,
        phase="approved",
        adjustments=ids,
        overruled=overruled,
        exponents=exponents,
    )
    amount = Money(total, break_.currency).text_with_currency(exponents=exponents)
    move = partial(move_break, connection, break_, by=by, now=now)
    move(
        BreakState.APPROVED,
        action="approved",
        why=f"{counted(len(proposals), 'correction')}, {amount}",
    )


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A proposal that is not booked yet."""

    id: str
    correction: Correction


def _open_proposals(connection: Connection, break_id: str) -> list[_Proposal]:
    rows = connection.execute(text(_OPEN_ADJUSTMENTS), {"id": break_id})
    return [
        _Proposal(row.id, Correction(amount=int(row.amount), side=row.side)) for row in rows
    ]


def _with_overruled(reason: str, overruled: Collection[Source]) -> str:
    """The reason, and for the audit trail the sources that the proposal overrules."""
    return f"{reason} (overrules {', '.join(sorted(overruled))})" if overruled else reason


def _round_side(break_: TrackedBreak, side: RoundSide | None) -> InRound | None:
    if side is None:
        return None
    return InRound(provider=break_.provider, round_id=break_.round_id, side=side)
