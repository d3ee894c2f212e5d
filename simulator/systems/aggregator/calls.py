"""The aggregator's callbacks: the signature is a field of the body.

It signs what JavaScript prints: top-level keys sorted, compact, numbers as ``JSON.stringify``
gives them.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import (
    JAVASCRIPT,
    PLAIN,
    Body,
    JsonAmount,
    Value,
    WireRequest,
    top_sorted,
)
from simulator.protocol.messages import Call, CallKind

#: The last field of every body.
SIGNATURE_FIELD = "hmac"

ROUTES: Mapping[CallKind, str] = {
    CallKind.BALANCE: "/balance",
    CallKind.BET: "/bet",
    CallKind.WIN: "/settle-bet",
    CallKind.ROUND_END: "/bet-end",
}
HISTORY_ROUTE = "/history"


def request_of(
    call: Call, configuration: Configuration, _sent_at: datetime | None
) -> WireRequest:
    """The signed request that makes this call."""
    return signed(ROUTES[call.kind], _fields(call, configuration), configuration.secrets[0])


def signed(route: str, fields: Body, secret: bytes) -> WireRequest:
    """A signed request: fields in the documented order, the signature last."""
    body = PLAIN({**fields, SIGNATURE_FIELD: signature(fields, secret)})
    return WireRequest(route, {"Content-Type": "application/json"}, body.encode())


def signature(fields: Body, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the sorted, compact JSON of the fields."""
    text = JAVASCRIPT(top_sorted(fields))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _fields(call: Call, configuration: Configuration) -> Body:
    exponent = configuration.digits_of(call.currency)
    fields: dict[str, Value] = {"user_agent": call.handle}
    if call.kind is CallKind.BALANCE:
        return fields
    if call.kind is CallKind.WIN:
        fields["bet"] = JsonAmount(call.stake, exponent)
    fields["balance"] = JsonAmount(call.amount, exponent)
    if call.kind is CallKind.ROUND_END:
        fields["win_balance"] = JsonAmount(call.payout, exponent)
    return {**fields, "bet_id": call.reference}
