"""Bodies and signatures as the providers make them, written from their documents alone.

The aggregator signs what JavaScript prints: top-level keys sorted, compact, numbers as
``JSON.stringify`` gives them. The sportsbook signs the raw bytes it sends. The other two have
modules of their own.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from simulator.protocol import agent_platform, xigs
from simulator.protocol.json_text import (
    JAVASCRIPT,
    PLAIN,
    JsonAmount,
    Value,
    WireRequest,
    top_sorted,
)
from simulator.protocol.messages import Call, CallKind, ProviderSystem
from vocabulary.money import exponent_of, text_from_minor

FieldPairs = Sequence[tuple[str, Value]]


def request_for(
    call: Call,
    secret: bytes,
    *,
    agent_id: int = agent_platform.AGENT_ID,
    sent_at: datetime | None = None,
) -> WireRequest:
    """The signed request that says this call.

    Args:
        call: what is said.
        secret: what its side signs with.
        agent_id: what we are called on the agent platform.
        sent_at: where the protocol names the time of sending; None leaves it out.
    """
    match call.side:
        case ProviderSystem.AGENT_PLATFORM:
            return agent_platform.request_of(call, secret, agent_id=agent_id)
        case ProviderSystem.AGGREGATOR:
            route = _AGGREGATOR_ROUTES[call.kind]
            return aggregator_request(route, _aggregator_fields(call), secret)
        case ProviderSystem.SPORTSBOOK:
            return _sportsbook_request(call, secret)
        case ProviderSystem.XIGS:
            return xigs.request_of(call, secret, sent_at=sent_at)


def aggregator_request(route: str, fields: FieldPairs, secret: bytes) -> WireRequest:
    """A signed aggregator request: fields in the documented order, ``hmac`` last."""
    body = PLAIN(dict([*fields, ("hmac", aggregator_signature(fields, secret))]))
    return WireRequest(route, {"Content-Type": "application/json"}, body.encode())


def aggregator_signature(fields: FieldPairs, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the sorted, compact JSON of the fields."""
    text = JAVASCRIPT(top_sorted(dict(fields)))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def sportsbook_signature(body: bytes, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the raw body."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


_AGGREGATOR_ROUTES = {
    CallKind.BALANCE: "/balance",
    CallKind.BET: "/bet",
    CallKind.WIN: "/settle-bet",
    CallKind.ROUND_END: "/bet-end",
}


def _aggregator_fields(call: Call) -> list[tuple[str, Value]]:
    exponent = exponent_of(call.currency)
    fields: list[tuple[str, Value]] = [("user_agent", call.handle)]
    if call.kind is CallKind.BALANCE:
        return fields
    if call.kind is CallKind.WIN:
        fields.append(("bet", JsonAmount(call.stake, exponent)))
    fields.append(("balance", JsonAmount(call.amount, exponent)))
    if call.kind is CallKind.ROUND_END:
        fields.append(("win_balance", JsonAmount(call.payout, exponent)))
    return [*fields, ("bet_id", call.reference)]


_SPORTSBOOK_ACTIONS = {
    CallKind.BET: "bet",
    CallKind.WIN: "result",
    CallKind.ROLLBACK: "rollback",
}


def action_of(kind: CallKind) -> str:
    """What the sportsbook calls a kind of transaction."""
    return _SPORTSBOOK_ACTIONS[kind]


def _sportsbook_request(call: Call, secret: bytes) -> WireRequest:
    fields: list[tuple[str, Value]] = [("transaction_id", call.reference)]
    if call.kind is CallKind.ROLLBACK:
        fields.append(("rollback_transaction_id", call.original))
    fields += [
        ("action", action_of(call.kind)),
        ("user_id", call.handle),
        ("currency", call.currency),
        ("amount", text_from_minor(call.amount, exponent_of(call.currency))),
    ]
    body = PLAIN(dict(fields)).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Security-Hash": sportsbook_signature(body, secret),
    }
    route = "/transaction-rollback" if call.kind is CallKind.ROLLBACK else "/transaction"
    return WireRequest(route, headers, body)
