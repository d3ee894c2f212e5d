"""The sportsbook's callbacks: a hash of the raw body in a header."""

import hashlib
import hmac
from datetime import datetime

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import PLAIN, Value, WireRequest
from simulator.protocol.messages import Call, CallKind
from vocabulary.money import text_from_minor

HEADER = "X-Security-Hash"
TRANSACTION = "/transaction"
ROLLBACK = "/transaction-rollback"

ACTIONS = {
    CallKind.BET: "bet",
    CallKind.WIN: "result",
    CallKind.ROLLBACK: "rollback",
}


def request_of(
    call: Call, configuration: Configuration, _sent_at: datetime | None
) -> WireRequest:
    """The signed request that makes this call."""
    fields: dict[str, Value] = {"transaction_id": call.reference}
    if call.kind is CallKind.ROLLBACK:
        fields["rollback_transaction_id"] = call.original
    fields |= {
        "action": ACTIONS[call.kind],
        "user_id": call.handle,
        "currency": call.currency,
        "amount": text_from_minor(call.amount, configuration.digits_of(call.currency)),
    }
    body = PLAIN(fields).encode()
    headers = {
        "Content-Type": "application/json",
        HEADER: signature(body, configuration.secrets[0]),
    }
    return WireRequest(route_of(call), headers, body)


def route_of(call: Call) -> str:
    """The suffix that a call goes to."""
    return ROLLBACK if call.kind is CallKind.ROLLBACK else TRANSACTION


def signature(body: bytes, secret: bytes) -> str:
    """HMAC-SHA256 in hex over the raw body."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()
