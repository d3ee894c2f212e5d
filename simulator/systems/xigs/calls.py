"""The scratch-card platform's webhooks: one URL, a round opened and closed.

A header signs the body with object keys sorted at every depth, as JavaScript prints it after
parsing it; what is sent keeps the order in which it was written.
"""

import hashlib
import hmac
from datetime import datetime

from simulator.protocol.configuration import Configuration
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import (
    JAVASCRIPT,
    PLAIN,
    JsonAmount,
    Value,
    WireRequest,
    deep_sorted,
)
from simulator.protocol.messages import Call, CallKind

HEADER = "x-signed-request"

EVENTS = {CallKind.BET: "open-round", CallKind.WIN: "close-round"}
_GAME = "507f191e810c19729de860ea"


def request_of(
    call: Call, configuration: Configuration, sent_at: datetime | None
) -> WireRequest:
    """The signed request that makes this call; without an instant it names no time."""
    body: dict[str, Value] = {
        "eventType": EVENTS[call.kind],
        "roundId": call.reference,
        "sessionId": f"session-{call.handle}",
        "userId": call.handle,
        "gameId": _GAME,
        "amount": JsonAmount(call.amount, configuration.digits_of(call.currency)),
        "currency": call.currency,
        "transactionId": f"{call.reference}-{EVENTS[call.kind]}",
        "ticket": {"serial": call.reference, "fields": [{"y": 1, "x": 2}], "channel": "web"},
    }
    if sent_at is not None:
        body["timestamp"] = instant_text(sent_at)
    headers = {
        "Content-Type": "application/json",
        HEADER: signature(body, configuration.secrets[0]),
    }
    return WireRequest("", headers, PLAIN(body).encode())


def signature(body: Value, secret: bytes) -> str:
    """HMAC-SHA512 in hex over the recursively sorted, compact JSON."""
    text = JAVASCRIPT(deep_sorted(body))
    return hmac.new(secret, text.encode(), hashlib.sha512).hexdigest()
