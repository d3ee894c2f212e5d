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
from simulator.protocol.json_text import JAVASCRIPT, PLAIN, Number, Request, Value, top_sorted
from simulator.protocol.messages import Call, Kind, Side
from vocabulary.money import exponent_of, text_from_minor

Fields = Sequence[tuple[str, Value]]


def request_for(
    call: Call,
    secret: bytes,
    *,
    agent_id: int = agent_platform.AGENT_ID,
    sent_at: datetime | None = None,
) -> Request:
    """The signed request that says this call.

    Args:
        call: what is said.
        secret: what its side signs with.
        agent_id: what we are called on the agent platform.
        sent_at: where the protocol names the time of sending; None leaves it out.
    """
    match call.side:
        case Side.AGENT_PLATFORM:
            return agent_platform.request_of(call, secret, agent_id=agent_id)
        case Side.AGGREGATOR:
            route = _AGGREGATOR_ROUTES[call.kind]
            return aggregator_request(route, _aggregator_fields(call), secret)
        case Side.SPORTSBOOK:
            return _sportsbook_request(call, secret)
        case Side.XIGS:
            return xigs.request_of(call, secret, sent_at=sent_at)


def aggregator_request(route: str, fields: Fields, secret: bytes) -> Request:
    """A signed aggregator request: fields in the documented order, ``hmac`` last."""
    body = PLAIN(dict([*fields, ("hmac", aggregator_signature(fields, secret))]))
    return Request(route, {"Content-Type": "application/json"}, body.encode())


def aggregator_signature(fields: Fields, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the sorted, compact JSON of the fields."""
    text = JAVASCRIPT(top_sorted(dict(fields)))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def sportsbook_signature(body: bytes, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the raw body."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


_AGGREGATOR_ROUTES = {
    Kind.BALANCE: "/balance",
    Kind.BET: "/bet",
    Kind.WIN: "/settle-bet",
    Kind.ROUND_END: "/bet-end",
}


def _aggregator_fields(call: Call) -> list[tuple[str, Value]]:
    exponent = exponent_of(call.currency)
    fields: list[tuple[str, Value]] = [("user_agent", call.handle)]
    if call.kind is Kind.BALANCE:
        return fields
    if call.kind is Kind.WIN:
        fields.append(("bet", Number(call.stake, exponent)))
    fields.append(("balance", Number(call.amount, exponent)))
    if call.kind is Kind.ROUND_END:
        fields.append(("win_balance", Number(call.payout, exponent)))
    return [*fields, ("bet_id", call.reference)]


_SPORTSBOOK_ACTIONS = {Kind.BET: "bet", Kind.WIN: "result", Kind.ROLLBACK: "rollback"}


def action_of(kind: Kind) -> str:
    """What the sportsbook calls a kind of transaction."""
    return _SPORTSBOOK_ACTIONS[kind]


def _sportsbook_request(call: Call, secret: bytes) -> Request:
    fields: list[tuple[str, Value]] = [("transaction_id", call.reference)]
    if call.kind is Kind.ROLLBACK:
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
    route = "/transaction-rollback" if call.kind is Kind.ROLLBACK else "/transaction"
    return Request(route, headers, body)
