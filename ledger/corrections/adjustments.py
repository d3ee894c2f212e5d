"""Corrections by hand: proposed by one person, approved by another, booked once.

``proposed → approved → posted``, or ``proposed → rejected``; the database guards each step and
the four eyes. An approval books through the ordinary accept path under the proposal's own id:
whatever dies in between, approving again completes it and moves nothing twice. Each step leaves
a row in the audit trail in its own transaction.

A proposal that names a round corrects that round's stake or payout: it stands under the
provider's slug, takes part in the round and its GGR, and ends the round. Otherwise the other
side is the ``adjustment`` account, or the fund that is named.

The functions ending in ``_on`` work on a connection, for callers that change more in the same
transaction. Tables touched: ``adjustments``, ``audit``, ``wallets`` (read).
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger.accepting.carry import carry_out
from ledger.accepting.own_operations import Adjust, InRound
from storage.audit import record
from storage.engine import url_of
from vocabulary.errors import Contradiction, Refused, Unavailable
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


class AdjustmentRefused(Refused):
    """A proposal, approval or rejection that the rules do not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """One proposal and what became of it.

    Attributes:
        amount: signed minor units, to the player.
        within: the round it corrects, or None.
        decision: why it was rejected.
        op_key: the key of its operation, once it stands in the books.
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


def propose(
    engine: Engine,
    *,
    player: str,
    currency: str,
    amount: Money,
    reason: str,
    by: str,
    now: datetime,
    break_id: str | None = None,
    within: InRound | None = None,
    fund: Fund = Fund.CASH,
) -> str:
    """Propose to move ``amount`` (signed, to the player); returns the proposal's id.

    Raises:
        AdjustmentRefused: no such wallet, nothing to move, another currency, no reason or name.
        Unavailable: the database is out of reach.
    """
    with _transaction(engine) as connection:
        return propose_on(
            connection,
            player=player,
            currency=currency,
            amount=amount,
            reason=reason,
            by=by,
            now=now,
            break_id=break_id,
            within=within,
            fund=fund,
        )


def propose_on(
    connection: Connection,
    *,
    player: str,
    currency: str,
    amount: Money,
    reason: str,
    by: str,
    now: datetime,
    break_id: str | None = None,
    within: InRound | None = None,
    fund: Fund = Fund.CASH,
) -> str:
    """``propose`` in the caller's transaction.

    Raises:
        AdjustmentRefused: as ``propose``.
    """
    _refuse_empty(amount, currency, reason, by)
    proposal_id = f"adj-{uuid.uuid4().hex}"
    wanted: dict[str, object] = {
        "id": proposal_id,
        "player": player,
        "currency": currency,
        "amount": amount.minor,
        "reason": reason,
        "break_id": break_id,
        "fund": fund.value,
        "by": by,
        "now": now,
        **_columns_of(within),
    }
    if connection.execute(text(_PROPOSE), wanted).rowcount != 1:
        raise AdjustmentRefused(f"{player} has no wallet in {currency}")
    told = {"player": player, "amount": amount.text(), "currency": currency, "reason": reason}
    record(connection, by, "adjustment.proposed", proposal_id, {**told, "break_id": break_id})
    return proposal_id


def approve(
    engine: Engine,
    proposal_id: str,
    *,
    by: str,
    now: datetime,
    role: str | None = None,
    limits: Mapping[str, int] | None = None,
) -> Adjustment:
    """Approve a proposal and book it; repeated after a failure, it completes what is left.

    ``limits`` are the most minor units of the proposal's currency that each role may move,
    either way; a role that is not named may move nothing. None: no limits.

    Raises:
        AdjustmentRefused: unknown, already decided, the proposer's own, or beyond the limit.
        Contradiction: the ledger refused to book what was approved; it stays approved.
        Unavailable: the database is out of reach; approving again completes it.
    """
    with _transaction(engine) as connection:
        found = approve_on(connection, proposal_id, by=by, now=now, role=role, limits=limits)
    return found if found.state == "posted" else complete(engine, proposal_id, now=now)


def approve_on(
    connection: Connection,
    proposal_id: str,
    *,
    by: str,
    now: datetime,
    role: str | None = None,
    limits: Mapping[str, int] | None = None,
) -> Adjustment:
    """Mark as approved in the caller's transaction; ``complete`` books it after the commit.

    Raises:
        AdjustmentRefused: as ``approve``.
    """
    found = _locked(connection, proposal_id)
    if found.state in {"approved", "posted"}:
        return found
    _refuse_decision(found, by)
    if limits is not None and abs(found.amount) > limits.get(role or "", 0):
        most = Money(limits.get(role or "", 0), found.currency).text()
        raise AdjustmentRefused(
            f"{role or 'nobody'} may approve at most {most} {found.currency}"
        )
    _decide(connection, found, state="approved", by=by, now=now, decision=None)
    record(connection, by, "adjustment.approved", proposal_id, {"role": role})
    return _locked(connection, proposal_id)


def complete(engine: Engine, proposal_id: str, *, now: datetime) -> Adjustment:
    """Book an approved proposal, if it is not booked yet, and mark it as posted.

    Raises:
        AdjustmentRefused: it is not approved.
        Contradiction: the ledger refused to book it.
        Unavailable: the database is out of reach.
    """
    found = get(engine, proposal_id)
    if found.state not in {"approved", "posted"}:
        raise AdjustmentRefused(f"{proposal_id} is {found.state}, not approved")
    decided = carry_out(url_of(engine), order_of(found), now=now)
    if decided.verdict is Verdict.UNAVAILABLE:
        raise Unavailable(f"{proposal_id} is approved and could not be booked yet")
    if decided.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        raise Contradiction(f"{proposal_id} cannot be booked: {decided.verdict.value}")
    with _transaction(engine) as connection:
        found = _locked(connection, proposal_id)
        if found.state == "approved":
            connection.execute(text(_POSTED), {"id": proposal_id})
            record(connection, str(found.decided_by), "adjustment.posted", proposal_id, {})
        return _locked(connection, proposal_id)


def reject(
    engine: Engine, proposal_id: str, *, by: str, reason: str, now: datetime
) -> Adjustment:
    """Reject a proposal; nothing is booked.

    Raises:
        AdjustmentRefused: unknown, already decided, the proposer's own, or no reason.
        Unavailable: the database is out of reach.
    """
    with _transaction(engine) as connection:
        return reject_on(connection, proposal_id, by=by, reason=reason, now=now)


def reject_on(
    connection: Connection, proposal_id: str, *, by: str, reason: str, now: datetime
) -> Adjustment:
    """``reject`` in the caller's transaction.

    Raises:
        AdjustmentRefused: as ``reject``.
    """
    found = _locked(connection, proposal_id)
    _refuse_decision(found, by)
    if not reason.strip():
        raise AdjustmentRefused("a reason is expected")
    _decide(connection, found, state="rejected", by=by, now=now, decision=reason)
    record(connection, by, "adjustment.rejected", proposal_id, {"reason": reason})
    return _locked(connection, proposal_id)


def pending(engine: Engine, *, break_id: str | None = None) -> list[Adjustment]:
    """What waits for a decision or for its booking, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    return _listed(engine, _PENDING, break_id)


def every(engine: Engine, *, break_id: str | None = None) -> list[Adjustment]:
    """All proposals, decided ones too, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    return _listed(engine, _ALL, break_id)


def get(engine: Engine, proposal_id: str) -> Adjustment:
    """One proposal.

    Raises:
        AdjustmentRefused: there is none of that id.
        Unavailable: the database is out of reach.
    """
    with _transaction(engine) as connection:
        return _found(connection, _GET, proposal_id)


def order_of(adjustment: Adjustment) -> Adjust:
    """The order that books a proposal: its key is the proposal's id."""
    return Adjust(
        key=adjustment.id,
        handle=adjustment.player,
        amount=Money(adjustment.amount, adjustment.currency),
        reason=adjustment.reason,
        fund=adjustment.fund,
        within=adjustment.within,
    )


def _refuse_empty(amount: Money, currency: str, reason: str, by: str) -> None:
    if amount.currency != currency:
        raise AdjustmentRefused(f"an amount in {currency} is expected")
    if amount.minor == 0:
        raise AdjustmentRefused("an amount other than zero is expected")
    if not reason.strip() or not by.strip():
        raise AdjustmentRefused("a reason and the name of who proposes are expected")


def _refuse_decision(found: Adjustment, by: str) -> None:
    if found.state != "proposed":
        raise AdjustmentRefused(f"{found.id} is {found.state} already")
    if not by.strip():
        raise AdjustmentRefused("the name of who decides is expected")
    if by == found.proposed_by:
        raise AdjustmentRefused(f"{found.id} was proposed by {by}: another person decides")


def _decide(
    connection: Connection,
    found: Adjustment,
    *,
    state: State,
    by: str,
    now: datetime,
    decision: str | None,
) -> None:
    what = {"id": found.id, "state": state, "by": by, "now": now, "decision": decision}
    connection.execute(text(_DECIDE), what)


def _columns_of(within: InRound | None) -> dict[str, object]:
    if within is None:
        return {"provider": None, "round_id": None, "side": None}
    return {"provider": within.provider, "round_id": within.round_id, "side": within.side}


def _locked(connection: Connection, proposal_id: str) -> Adjustment:
    return _found(connection, f"{_GET} FOR UPDATE", proposal_id)


def _found(connection: Connection, sql: str, proposal_id: str) -> Adjustment:
    row = connection.execute(text(sql), {"id": proposal_id}).one_or_none()
    if row is None:
        raise AdjustmentRefused(f"no adjustment is called {proposal_id}")
    return _adjustment(tuple(row))


def _listed(engine: Engine, sql: str, break_id: str | None) -> list[Adjustment]:
    with _transaction(engine) as connection:
        rows = connection.execute(text(sql), {"break_id": break_id})
        return [_adjustment(tuple(row)) for row in rows]


def _adjustment(row: tuple[Any, ...]) -> Adjustment:
    told = dict(zip(_NAMES, row, strict=True))
    at = [told.pop(name) for name in ("provider", "round_id", "side")]
    within = None if at[0] is None else InRound(provider=at[0], round_id=at[1], side=at[2])
    return Adjustment(**{**told, "fund": Fund(told["fund"])}, within=within)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise Unavailable("adjustments: the database is out of reach") from error
