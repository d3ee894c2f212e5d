"""The agent platform's callbacks: one URL, ``type`` decides, signed as PHP prints the body.

The document signs the key-sorted text but shows bodies in another order. Three readings of it
take turns, chosen by the request id: the sorted text sent and signed, the documented order sent
with the sorted text signed, and the documented order sent and signed as it is.
"""

import hashlib
import hmac
import zlib
from datetime import datetime
from uuid import UUID

from simulator.protocol.call_maker import nameless
from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import PHP, Body, JsonAmount, Value, WireRequest, top_sorted
from simulator.protocol.messages import Call, CallKind

HEADER = "X-Signature"
#: What we are called there where nothing else is configured.
AGENT_ID = 1

TYPES = {
    CallKind.BALANCE: "getBalance",
    CallKind.BET_AND_WIN: "makeBet",
    CallKind.ROLLBACK: "rollback",
}

_READINGS = ("sorted", "as shown, sorted signed", "as shown")


def request_of(
    call: Call, configuration: Configuration, _sent_at: datetime | None
) -> WireRequest:
    """The signed request that makes this call."""
    secret = configuration.secrets[0]
    request_id = request_id_of(call)
    body = _body(call, configuration, request_id)
    reading = _READINGS[zlib.crc32(request_id.encode()) % len(_READINGS)]
    sent = PHP(top_sorted(body) if reading == "sorted" else body)
    signed = sent if reading == "as shown" else PHP(top_sorted(body))
    headers = {"Content-Type": "application/json", HEADER: signature(signed, secret)}
    return WireRequest("", headers, sent.encode())


def signature(text: str, secret: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def request_id_of(call: Call) -> str:
    """The platform's id of one delivery: copies share it, a repeat has another."""
    return _uuid("request", call.reference or call.handle, call.kind, str(call.attempt))


def agent_id_of(configuration: Configuration) -> int:
    """What the receiver expects to be called; 0 there means that it does not check."""
    return configuration.number("agent_id", 0) or AGENT_ID


def round_of(reference: str) -> str:
    """The round of a transaction; each has its own."""
    return f"{reference}-R"


def _body(call: Call, configuration: Configuration, request_id: str) -> Body:
    body: dict[str, Value] = {
        "agent_id": agent_id_of(configuration),
        "session_id": _uuid("session", call.handle),
        "player_id": call.handle,
        # Names are not unique and hold what PHP escapes.
        "player_username": f"Zoë/{call.handle[:3]}",
        "type": TYPES[call.kind],
        "currency": call.currency,
        "language": "en",
        "game_id": 123,
        "request_id": request_id,
    }
    return body | _movement(call, configuration.digits_of(call.currency))


def _movement(call: Call, exponent: int) -> dict[str, Value]:
    if call.kind is CallKind.BALANCE:
        return {}
    if call.kind is CallKind.ROLLBACK:
        return {**_rollback_ids(call), "round_id": round_of(call.original)}
    return {
        "transaction_id": call.reference,
        "round_id": round_of(call.reference),
        "bet": JsonAmount(call.amount, exponent),
        "win": JsonAmount(call.payout, exponent),
        "round_finished": True,
    }


def _rollback_ids(call: Call) -> dict[str, Value]:
    """The ids of a rollback; one without its own gives the original's in its place."""
    if call.reference == nameless(call.original):
        return {"transaction_id": call.original}
    return {"transaction_id": call.reference, "rollback_transaction_id": call.original}


def _uuid(*parts: str) -> str:
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))
