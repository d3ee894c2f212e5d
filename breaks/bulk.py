"""One action on many breaks, each by the rules that hold for it alone.

What one break is refused keeps no other waiting. A break that changed since a person saw it is
left alone and named. Actions that move no money share transactions. Tables written: those of
the actions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from breaks.actions import (
    BreakAction,
    BreakMoves,
    Note,
    assigning,
    assignment,
    awaiting,
    closing,
    explaining,
    explanation,
    noting,
    reopening,
    waiting,
)
from breaks.corrections import proposals
from breaks.corrections.trials import TryCorrections
from breaks.policy import WriteOffLimits
from breaks.states import BreakChanged, BreakState
from breaks.store import (
    BreakMove,
    TrackedBreak,
    lock_breaks,
    require_version,
    transaction,
    write_moves,
)
from breaks.write_offs import (
    approve_write_off,
    approve_write_off_only,
    propose_write_off,
    reject_write_off,
)
from ledger.corrections.adjustments import NotBookedYet
from vocabulary.clock import Clock
from vocabulary.errors import Contradiction, NotAllowed
from vocabulary.people import Right

#: Breaks whose actions share a transaction.
_SHARED = 100


class BulkAction(StrEnum):
    """Actions on many breaks at once."""

    ASSIGN = "assign"
    COMMENT = "comment"
    EXPLAIN = "explain"
    WAIT = "wait"
    CLOSE = "close"
    REOPEN = "reopen"
    PROPOSE = "propose"
    WRITE_OFF = "write-off"
    APPROVE = "approve"
    REJECT = "reject"


_UNDECIDED = (
    *(BreakState.OPEN, BreakState.ASSIGNED, BreakState.EXPLAINED, BreakState.WAITING),
)
_PROPOSED = (BreakState.PROPOSED, BreakState.WRITE_OFF_PROPOSED)
#: By what is done, the states of the breaks that it is about; only corrections have some.
STATES: Mapping[BulkAction, tuple[BreakState, ...]] = MappingProxyType(
    {
        BulkAction.PROPOSE: _UNDECIDED[:2],
        BulkAction.WRITE_OFF: _UNDECIDED[:2],
        BulkAction.APPROVE: (*_PROPOSED, BreakState.APPROVED),
        BulkAction.REJECT: _PROPOSED,
    }
)
#: The right that each needs.
RIGHTS: Mapping[BulkAction, Right] = MappingProxyType(
    {
        **dict.fromkeys(BulkAction, Right.WORK_BREAKS),
        BulkAction.PROPOSE: Right.PROPOSE,
        BulkAction.WRITE_OFF: Right.WRITE_OFF,
        BulkAction.APPROVE: Right.DECIDE,
        BulkAction.REJECT: Right.DECIDE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOrder:
    """What is done to each break, by whom and why.

    Attributes:
        to: with ``ASSIGN``, the name of the assignee.
        limits: what the person may approve.
        exponents: the decimal places of a provider, by its slug.
        books: whether an approval is booked at once; otherwise the scheduler books it.
        seen_note: the newest note when the form was made; a form sent twice comments once.
    """

    action: BulkAction
    by: str
    reason: str
    to: str = ""
    limits: WriteOffLimits
    try_corrections: TryCorrections
    exponents: Callable[[str], Mapping[str, int]]
    books: bool
    seen_note: int | None = None


@dataclass(slots=True, kw_only=True)
class BulkResult:
    """What became of the breaks.

    Attributes:
        done: the ids of those to which it was done.
        refused: by id, why nothing was done.
        changed: those that changed since they were seen; nothing was done.
        left: those that were not reached within the time.
    """

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def act_on_each(
    engine: Engine,
    breaks: Sequence[TrackedBreak],
    order: BulkOrder,
    *,
    clock: Clock,
    until: datetime,
) -> BulkResult:
    """Carry out an order on each of the breaks as they were seen.

    Args:
        engine: of the database, in the name of the person.
        breaks: as the person saw them.
        order: what to do.
        clock: tells the time.
        until: no further break is begun after this instant.

    Raises:
        Unavailable: the database is out of reach; what was done before stays done.
    """
    result = BulkResult()
    if order.action in STATES:
        for break_ in breaks:
            if clock.now() >= until:
                result.left.append(break_.break_id)
                continue
            with _outcome(result, break_.break_id):
                correct(engine, break_, order, clock, version=break_.version)
        return result
    for first in range(0, len(breaks), _SHARED):
        shared = breaks[first : first + _SHARED]
        if clock.now() >= until:
            result.left += [break_.break_id for break_ in shared]
            continue
        with transaction(engine) as connection:
            if order.action is BulkAction.COMMENT:
                _comment(connection, shared, order, clock.now(), result)
            else:
                _move(connection, shared, _moves_of(order, clock.now()), result)
    return result


def correct(
    engine: Engine,
    break_: TrackedBreak,
    order: BulkOrder,
    clock: Clock,
    *,
    version: str | None = None,
) -> None:
    """Propose, approve or reject a correction or write-off of one break.

    ``version``: only if the break still has it.

    Raises:
        BreakChanged: it has another version.
        NotAllowed: the rules do not allow it; nothing was changed.
        Contradiction: the ledger refused to book it; it stays approved.
        NotBookedYet: the ledger put it off; it stays approved.
        Unavailable: the database is out of reach.
    """
    match order.action:
        case BulkAction.PROPOSE:
            _propose(engine, break_, order, clock, version)
        case BulkAction.WRITE_OFF:
            propose_write_off(
                engine,
                break_.break_id,
                by=order.by,
                reason=order.reason,
                now=clock.now(),
                version=version,
            )
        case BulkAction.APPROVE if break_.state is BreakState.WRITE_OFF_PROPOSED:
            _approve_write_off(engine, break_, order, clock, version)
        case BulkAction.APPROVE:
            _approve(engine, break_, order, clock, version)
        case BulkAction.REJECT:
            is_write_off = break_.state is BreakState.WRITE_OFF_PROPOSED
            reject = reject_write_off if is_write_off else proposals.reject
            reject(
                engine,
                break_.break_id,
                by=order.by,
                reason=order.reason,
                now=clock.now(),
                version=version,
            )
        case _:
            raise ValueError(f"{order.action} is no correction")


def action_of(order: BulkOrder, now: datetime) -> BreakAction:
    """The action of an order that is no correction."""
    by, why = order.by, order.reason
    match order.action:
        case BulkAction.ASSIGN:
            return assigning(to=order.to, by=by, why=why or "assigned", now=now)
        case BulkAction.COMMENT:
            return noting(Note(kind="comment", body=why), by=by, now=now)
        case BulkAction.EXPLAIN:
            return explaining(by=by, why=why, now=now)
        case BulkAction.WAIT:
            return awaiting(by=by, why=why, now=now)
        case BulkAction.CLOSE:
            return closing(by=by, why=why, now=now, exponents=order.exponents)
        case BulkAction.REOPEN:
            return reopening(by=by, why=why, now=now)
        case _:
            raise ValueError(f"{order.action} is a correction")


def _comment(
    connection: Connection,
    breaks: Sequence[TrackedBreak],
    order: BulkOrder,
    now: datetime,
    result: BulkResult,
) -> None:
    """Comment breaks, whatever happened to them meanwhile."""
    add = noting(
        Note(kind="comment", body=order.reason), by=order.by, now=now, seen=order.seen_note
    )
    for break_ in breaks:
        add(connection, break_.break_id)
        result.done.append(break_.break_id)


def _move(
    connection: Connection,
    breaks: Sequence[TrackedBreak],
    moves: BreakMoves,
    result: BulkResult,
) -> None:
    """Move breaks that are as they were seen; what is refused writes nothing."""
    versions = {break_.break_id: break_.version for break_ in breaks}
    planned: list[BreakMove] = []
    for break_ in lock_breaks(connection, list(versions)):
        with _outcome(result, break_.break_id):
            require_version(break_, versions[break_.break_id])
            planned += moves(break_)
    write_moves(connection, planned)


def _moves_of(order: BulkOrder, now: datetime) -> BreakMoves:
    match order.action:
        case BulkAction.ASSIGN:
            why = order.reason or "assigned"
            return assignment(to=order.to, by=order.by, why=why, now=now)
        case BulkAction.EXPLAIN:
            return explanation(by=order.by, why=order.reason, now=now)
        case BulkAction.WAIT:
            return waiting(by=order.by, why=order.reason, now=now)
        case _:
            raise ValueError(f"{order.action} is not made by moves alone")


@contextmanager
def _outcome(result: BulkResult, break_id: str) -> Iterator[None]:
    """Note in the result what becomes of one break; a refusal goes no further."""
    try:
        yield
    except BreakChanged:
        result.changed.append(break_id)
    except (NotAllowed, Contradiction, NotBookedYet) as error:
        result.refused[break_id] = str(error)
    else:
        result.done.append(break_id)


def _propose(
    engine: Engine, break_: TrackedBreak, order: BulkOrder, clock: Clock, version: str | None
) -> None:
    proposals.propose(
        engine,
        break_.break_id,
        by=order.by,
        reason=order.reason,
        now=clock.now(),
        try_corrections=order.try_corrections,
        exponents=order.exponents(break_.provider),
        version=version,
    )


def _approve(
    engine: Engine, break_: TrackedBreak, order: BulkOrder, clock: Clock, version: str | None
) -> None:
    proposals.approve_only(
        engine,
        break_.break_id,
        by=order.by,
        now=clock.now(),
        try_corrections=order.try_corrections,
        limits=order.limits,
        exponents=order.exponents(break_.provider),
        version=version,
    )
    if order.books:
        proposals.book(engine, break_.break_id, by=order.by, clock=clock)


def _approve_write_off(
    engine: Engine, break_: TrackedBreak, order: BulkOrder, clock: Clock, version: str | None
) -> None:
    name, by, now = break_.break_id, order.by, clock.now()
    if order.books:
        approve_write_off(engine, name, by=by, now=now, limits=order.limits)
    else:
        approve_write_off_only(
            engine, name, by=by, now=now, limits=order.limits, version=version
        )
