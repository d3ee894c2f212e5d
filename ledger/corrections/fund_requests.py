"""Deposits and withdrawals beyond one person's limit: requested by one, carried out by another.

Tables written: ``fund_requests``, ``audit``; the journal by ``ledger.accepting``.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from ledger.accepting.own_operations import (
    Deposit,
    Withdrawal,
    own_operation_bytes,
    own_operation_from_bytes,
)
from storage.audit import record
from storage.engine import url_of
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction, NotAllowed, Unavailable
from vocabulary.outcomes import Verdict

_COLUMNS = (
    "request_id, operation_key, document::text AS document, player, currency, amount, reason,"
    " proposed_by, proposed_at, state, decided_by, decided_at"
)
_REQUEST = """
INSERT INTO fund_requests (request_id, operation_key, document, player, currency, amount,
                           reason, proposed_by, proposed_at, state)
SELECT :id, :key, CAST(:document AS jsonb), player, currency, :amount, :reason, :by, :now,
       'proposed'
  FROM wallets WHERE player = :player AND currency = :currency
ON CONFLICT (operation_key) DO NOTHING
"""
_TAKEN = "SELECT 1 FROM fund_requests WHERE operation_key = :key"
_LOCK = f"""
SELECT {_COLUMNS} FROM fund_requests WHERE request_id = :id FOR UPDATE
"""  # noqa: S608 - our own columns
_LIST = f"""
SELECT {_COLUMNS} FROM fund_requests ORDER BY proposed_at, request_id
"""  # noqa: S608 - our own columns
_DECIDE = """
UPDATE fund_requests SET state = :state, decided_by = :by, decided_at = :now
 WHERE request_id = :id
"""


class FundRequestRefused(NotAllowed):
    """A request or decision that the rules do not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundRequest:
    """A deposit or withdrawal that waits for a second person, or was decided.

    Attributes:
        operation_key: of the operation that it becomes.
        document: the order as JSON.
        amount: signed minor units, to the player.
    """

    request_id: str
    operation_key: str
    document: str
    player: str
    currency: str
    amount: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None

    @property
    def order(self) -> Deposit | Withdrawal:
        """The order that is carried out when it is approved."""
        order = own_operation_from_bytes(self.document.encode())
        assert isinstance(order, Deposit | Withdrawal)
        return order


def request_funds(
    engine: Engine, order: Deposit | Withdrawal, *, by: str, now: datetime
) -> str:
    """Request a deposit or withdrawal that another person carries out; returns its id.

    Raises:
        FundRequestRefused: no such wallet, no reason, or the key was requested before.
        Unavailable: the database is out of reach.
    """
    if not order.reason.strip():
        raise FundRequestRefused("a reason is expected")
    name = f"dep-{uuid.uuid4().hex}"
    sign = 1 if isinstance(order, Deposit) else -1
    params = {
        "id": name,
        "key": order.key,
        "document": own_operation_bytes(order).decode(),
        "player": order.handle,
        "currency": order.amount.currency,
        "amount": sign * order.amount.minor,
        "reason": order.reason,
        "by": by,
        "now": now,
    }
    with transaction(engine, "fund_requests") as connection:
        if connection.execute(text(_REQUEST), params).rowcount != 1:
            if connection.execute(text(_TAKEN), params).first() is not None:
                raise FundRequestRefused(f"{order.key}: this key was requested before")
            raise FundRequestRefused(f"{order.handle} has no wallet in {order.amount.currency}")
        detail = {name: params[name] for name in ("player", "currency", "amount", "reason")}
        record(connection, by, "funds.requested", name, detail)
    return name


def approve_funds(engine: Engine, name: str, *, by: str, now: datetime) -> FundRequest:
    """Approve another person's request and carry it out; a repeat completes an interrupted one.

    Raises:
        FundRequestRefused: there is none, it was rejected, or it is the approver's own.
        PersonRefused: the database does not take the person beside the one who requested it.
        Contradiction: the ledger refused the order; it stays approved.
        Unavailable: the database is out of reach; approving again completes it.
    """
    with transaction(engine, "fund_requests") as connection:
        request = _lock(connection, name)
        if request.state != "approved":
            request = _decide(connection, request, "approved", by=by, now=now)
    # As for corrections: asyncpg and structlog are for whoever books.
    from ledger.accepting.acceptor import accept_own_operation  # noqa: PLC0415

    decision = accept_own_operation(url_of(engine), request.order, now=now)
    if decision.verdict is Verdict.UNAVAILABLE:
        raise Unavailable(f"{name} is approved but not carried out yet: approve it again")
    if decision.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        raise Contradiction(f"{name} cannot be carried out: {decision.verdict.value}")
    return request


def reject_funds(
    engine: Engine, name: str, *, by: str, reason: str, now: datetime
) -> FundRequest:
    """Reject another person's request; nothing is booked.

    Raises:
        FundRequestRefused: there is none, it is decided, it is the person's own, or no reason.
        Unavailable: the database is out of reach.
    """
    if not reason.strip():
        raise FundRequestRefused("a reason is expected")
    with transaction(engine, "fund_requests") as connection:
        request = _lock(connection, name)
        return _decide(connection, request, "rejected", by=by, now=now, why=reason)


def fund_requests(engine: Engine) -> list[FundRequest]:
    """All requests, the oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "fund_requests") as connection:
        return [FundRequest(**row) for row in connection.execute(text(_LIST)).mappings()]


def _lock(connection: Connection, name: str) -> FundRequest:
    row = connection.execute(text(_LOCK), {"id": name}).mappings().one_or_none()
    if row is None:
        raise FundRequestRefused(f"there is no request {name}")
    return FundRequest(**row)


def _decide(
    connection: Connection,
    request: FundRequest,
    state: str,
    *,
    by: str,
    now: datetime,
    why: str = "",
) -> FundRequest:
    name = request.request_id
    if request.state != "proposed":
        raise FundRequestRefused(f"{name} is {request.state} by {request.decided_by}")
    if request.proposed_by == by:
        raise FundRequestRefused(f"{by} requested {name}: another person decides")
    params = {"id": name, "state": state, "by": by, "now": now}
    connection.execute(text(_DECIDE), params)
    record(connection, by, f"funds.{state}", name, {"why": why} if why else {})
    return _lock(connection, name)
