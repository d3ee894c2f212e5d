"""Corrections by hand: proposed by one person, approved by another, booked once.

The states are ``proposed → approved → posted`` or ``proposed → rejected``. The database checks
each step, and that two people take part. An approved proposal is booked through the ordinary
accept path with the proposal's id as operation key. If a process dies in between, approving
again completes the booking and moves nothing twice. Each step writes a row of the audit trail
in its own transaction.

A proposal with a round corrects that round's stake or payout: it is booked under the provider's
slug, counts in the round and its GGR, and ends the round. Without a round the other side is the
``adjustment`` account or the proposal's fund.

The functions ending in ``_on`` work on a connection, for callers that change more in the same
transaction. Tables touched: ``adjustments``, ``audit``, ``wallets`` (read).

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from sqlalchemy import Connection, Engine, text

from ledger.accepting.own_operations import Adjust, InRound
from ledger.corrections.other_corrections import refusal_beside_another
from storage.audit import record
from storage.engine import url_of
from storage.transactions import transaction
from vocabulary.currencies import Exponents
from vocabulary.errors import Contradiction, NotAllowed, Unavailable
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

State = Literal["proposed", "approved", "rejected", "posted"]

_NAMES = (
    *("id", "player", "currency", "amount", "reason", "break_id", "provider", "round_id"),
    *("side", "fund", "proposed_by", "proposed_at", "state", "decided_by", "decided_at"),
    *("decision", "op_key"),
)
_COLUMNS = ", ".join(_NAMES)
_PROPOSE = """
INSERT INTO adjustments (id, player, currency, amount, reason, break_id, provider, round_id,
                         side, fund, proposed_by, proposed_at, state)
SELECT :id, w.player, w.currency, :amount, :reason, :break_id, :provider,
       :round_id, :side, CAST(:fund AS fund_kind), :by, :now, 'proposed'
  FROM wallets w WHERE w.player = :player AND w.currency = :currency
"""
_GET = f"SELECT {_COLUMNS} FROM adjustments WHERE id = :id"  # noqa: S608 - our own columns
_PENDING = f"""
SELECT {_COLUMNS} FROM adjustments
 WHERE state IN ('proposed', 'approved')
   AND (CAST(:break_id AS text) IS NULL OR break_id = :break_id)
 ORDER BY proposed_at, id
"""  # noqa: S608 - our own columns
_ALL = f"""
SELECT {_COLUMNS} FROM adjustments
 WHERE CAST(:break_id AS text) IS NULL OR break_id = :break_id
 ORDER BY proposed_at, id
"""  # noqa: S608 - our own columns
_DECIDE = """
UPDATE adjustments SET state = :state, decided_by = :by, decided_at = :now,
       decision = :decision
 WHERE id = :id
"""
_POSTED = "UPDATE adjustments SET state = 'posted', op_key = id WHERE id = :id"


class AdjustmentRefused(NotAllowed):
    """A proposal, approval or rejection that the rules do not allow; nothing was changed."""


class NotBookedYet(Unavailable):
    """An approved proposal that the ledger could not book this time; others it may."""


class Proposal(TypedDict):
    """The arguments of ``propose``.

    Attributes:
        amount: signed, to the player.
        by: who proposes it.
        break_id: the break it repairs.
        within: the round it corrects.
        fund: the other side, if it is not the adjustment account.
        exponents: of currencies outside ISO 4217, for the audit trail.
    """

    player: str
    currency: str
    amount: Money
    reason: str
    by: str
    now: datetime
    break_id: NotRequired[str | None]
    within: NotRequired[InRound | None]
    fund: NotRequired[Fund]
    exponents: Exponents


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """One stored proposal with its state.

    Attributes:
        amount: signed minor units, to the player.
        within: the round it corrects, or None.
        decision: why it was rejected.
        op_key: the key of its operation, once it is booked.
    """

    id: str
    player: str
    currency: str
    amount: int
    reason: str
    break_id: str | None
    within: InRound | None
    fund: Fund
    proposed_by: str
    proposed_at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    op_key: str | None


def propose(engine: Engine, **proposal: Unpack[Proposal]) -> str:
    """Propose a correction; returns the proposal's id.

    Raises:
        AdjustmentRefused: no such wallet, nothing to move, another currency, no reason or name.
    """
    with transaction(engine, "adjustments") as connection:
        return propose_on(connection, **proposal)


def propose_on(connection: Connection, **proposal: Unpack[Proposal]) -> str:
    """``propose`` in the caller's transaction.

    Raises:
        AdjustmentRefused: as ``propose``.
    """
    _refuse_empty(proposal)
    proposal_id = f"adj-{uuid.uuid4().hex}"
    amount, within = proposal["amount"], proposal.get("within")
    detail: dict[str, object] = {
        "player": proposal["player"],
        "currency": proposal["currency"],
        "reason": proposal["reason"],
        "break_id": proposal.get("break_id"),
    }
    row = {
        **detail,
        "id": proposal_id,
        "amount": amount.minor,
        "by": proposal["by"],
        "now": proposal["now"],
        "fund": proposal.get("fund", Fund.CASH).value,
        "provider": None if within is None else within.provider,
        "round_id": None if within is None else within.round_id,
        "side": None if within is None else within.side,
    }
    if connection.execute(text(_PROPOSE), row).rowcount != 1:
        raise AdjustmentRefused(f"{proposal['player']} has no wallet in {amount.currency}")
    detail["amount"] = amount.text(exponents=proposal["exponents"])
    record(connection, proposal["by"], "adjustment.proposed", proposal_id, detail)
    return proposal_id


def approve(
    engine: Engine,
    proposal_id: str,
    *,
    by: str,
    now: datetime,
    role: str | None = None,
    limits: Mapping[str, int] | None = None,
    exponents: Exponents,
) -> Adjustment:
    """Approve a proposal and book it; a repeat after a failure completes the booking.

    ``limits`` gives the most minor units of the proposal's currency that each role may move,
    either way; a role without a limit may move nothing. None: no limits. ``exponents`` are for
    the text of a refusal.

    Raises:
        AdjustmentRefused: unknown, already decided, the proposer's own, over the limit, or
            beside another correction of its round that it does not know of.
        PersonRefused: the database does not take the person, or not beside the proposer.
        Contradiction: the ledger refused the booking; the proposal stays approved.
        Unavailable: the database is out of reach; approving again completes the booking.
    """
    with transaction(engine, "adjustments") as connection:
        approved = approve_on(
            connection,
            proposal_id,
            by=by,
            now=now,
            role=role,
            limits=limits,
            exponents=exponents,
        )
    if approved.state == "posted":
        return approved
    return book_approved(engine, proposal_id, now=now)


def approve_on(
    connection: Connection,
    proposal_id: str,
    *,
    by: str,
    now: datetime,
    role: str | None = None,
    limits: Mapping[str, int] | None = None,
    exponents: Exponents,
) -> Adjustment:
    """Approve in the caller's transaction; ``book_approved`` books it after the commit.

    Raises:
        AdjustmentRefused: as ``approve``.
    """
    adjustment = _lock(connection, proposal_id)
    if adjustment.state in {"approved", "posted"}:
        return adjustment
    _refuse_decision(adjustment, by)
    if refusal := refusal_beside_another(connection, proposal_id):
        raise AdjustmentRefused(refusal)
    limit = None if limits is None else limits.get(role or "", 0)
    if limit is not None and abs(adjustment.amount) > limit:
        limit_text = Money(limit, adjustment.currency).text(exponents=exponents)
        raise AdjustmentRefused(
            f"{role or 'nobody'} may approve at most {limit_text} {adjustment.currency}"
        )
    _decide(connection, proposal_id, state="approved", by=by, now=now, decision=None)
    record(connection, by, "adjustment.approved", proposal_id, {"role": role})
    return _lock(connection, proposal_id)


def book_approved(engine: Engine, proposal_id: str, *, now: datetime) -> Adjustment:
    """Book an approved proposal and mark it as posted; does nothing if it is posted.

    Raises:
        AdjustmentRefused: it is not approved, or its round is in an archive and was asked for.
        Contradiction: the ledger refused to book it.
        NotBookedYet: the ledger put it off.
    """
    approved = get_adjustment(engine, proposal_id)
    if approved.state not in {"approved", "posted"}:
        raise AdjustmentRefused(f"{proposal_id} is {approved.state}, not approved")
    # asyncpg and structlog take 250 ms that whoever only reads corrections does not need.
    from ledger.accepting.acceptor import accept_own_operation  # noqa: PLC0415

    decision = accept_own_operation(url_of(engine), own_operation_of(approved), now=now)
    if decision.recalls:
        raise AdjustmentRefused(
            f"{proposal_id} is approved but not booked yet: its round left for an archive and"
            " is brought back within a minute; approve it again then"
        )
    if decision.verdict is Verdict.UNAVAILABLE:
        raise NotBookedYet(f"{proposal_id} is approved but not booked yet: approve it again")
    if decision.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        raise Contradiction(f"{proposal_id} cannot be booked: {decision.verdict.value}")
    with transaction(engine, "adjustments") as connection:
        adjustment = _lock(connection, proposal_id)
        if adjustment.state == "approved":
            connection.execute(text(_POSTED), {"id": proposal_id})
            record(connection, str(adjustment.decided_by), "adjustment.posted", proposal_id, {})
        return _lock(connection, proposal_id)


def reject(
    engine: Engine, proposal_id: str, *, by: str, reason: str, now: datetime
) -> Adjustment:
    """Reject a proposal; nothing is booked.

    Raises:
        AdjustmentRefused: unknown, already decided, the proposer's own, or no reason.
    """
    with transaction(engine, "adjustments") as connection:
        return reject_on(connection, proposal_id, by=by, reason=reason, now=now)


def reject_on(
    connection: Connection, proposal_id: str, *, by: str, reason: str, now: datetime
) -> Adjustment:
    """``reject`` in the caller's transaction.

    Raises:
        AdjustmentRefused: as ``reject``.
    """
    adjustment = _lock(connection, proposal_id)
    _refuse_decision(adjustment, by)
    if not reason.strip():
        raise AdjustmentRefused("a reason is expected")
    _decide(connection, proposal_id, state="rejected", by=by, now=now, decision=reason)
    record(connection, by, "adjustment.rejected", proposal_id, {"reason": reason})
    return _lock(connection, proposal_id)


def pending_adjustments(engine: Engine, *, break_id: str | None = None) -> list[Adjustment]:
    """The proposals that wait for a decision or for their booking, oldest first."""
    return _list(engine, _PENDING, break_id)


def all_adjustments(engine: Engine, *, break_id: str | None = None) -> list[Adjustment]:
    """All proposals, oldest first."""
    return _list(engine, _ALL, break_id)


def get_adjustment(engine: Engine, proposal_id: str) -> Adjustment:
    """One proposal.

    Raises:
        AdjustmentRefused: no proposal has that id.
    """
    with transaction(engine, "adjustments") as connection:
        return _get(connection, _GET, proposal_id)


def own_operation_of(adjustment: Adjustment) -> Adjust:
    """The operation that books a proposal; its key is the proposal's id."""
    return Adjust(
        key=adjustment.id,
        handle=adjustment.player,
        amount=Money(adjustment.amount, adjustment.currency),
        reason=adjustment.reason,
        fund=adjustment.fund,
        within=adjustment.within,
    )


def _refuse_empty(proposal: Proposal) -> None:
    if proposal["amount"].currency != proposal["currency"]:
        raise AdjustmentRefused(f"an amount in {proposal['currency']} is expected")
    if proposal["amount"].minor == 0:
        raise AdjustmentRefused("an amount other than zero is expected")
    if not proposal["reason"].strip() or not proposal["by"].strip():
        raise AdjustmentRefused("a reason and the name of the proposer are expected")


def _refuse_decision(adjustment: Adjustment, by: str) -> None:
    if adjustment.state != "proposed":
        raise AdjustmentRefused(f"{adjustment.id} is {adjustment.state} already")
    if not by.strip():
        raise AdjustmentRefused("the name of the person who decides is expected")
    if by == adjustment.proposed_by:
        raise AdjustmentRefused(f"{adjustment.id} was proposed by {by}: another person decides")


def _decide(
    connection: Connection,
    proposal_id: str,
    *,
    state: State,
    by: str,
    now: datetime,
    decision: str | None,
) -> None:
    parameters = {
        "id": proposal_id,
        "state": state,
        "by": by,
        "now": now,
        "decision": decision,
    }
    connection.execute(text(_DECIDE), parameters)


def _lock(connection: Connection, proposal_id: str) -> Adjustment:
    return _get(connection, f"{_GET} FOR UPDATE", proposal_id)


def _get(connection: Connection, sql: str, proposal_id: str) -> Adjustment:
    row = connection.execute(text(sql), {"id": proposal_id}).one_or_none()
    if row is None:
        raise AdjustmentRefused(f"no adjustment has the id {proposal_id}")
    return _adjustment(tuple(row))


def _list(engine: Engine, sql: str, break_id: str | None) -> list[Adjustment]:
    with transaction(engine, "adjustments") as connection:
        rows = connection.execute(text(sql), {"break_id": break_id})
        return [_adjustment(tuple(row)) for row in rows]


def _adjustment(row: tuple[Any, ...]) -> Adjustment:
    columns = dict(zip(_NAMES, row, strict=True))
    provider, round_id, side = (columns.pop(name) for name in ("provider", "round_id", "side"))
    within = (
        None if provider is None else InRound(provider=provider, round_id=round_id, side=side)
    )
    return Adjustment(**{**columns, "fund": Fund(columns["fund"])}, within=within)
