"""The agent platform's callbacks: one URL, ``type`` decides, signed as PHP prints the body.

The document signs the key-sorted text but shows bodies in another order, so three readings of
it take turns, each fixed by the request id: the sorted text sent and signed, the documented
order sent with the sorted text signed, and the documented order sent and signed as it is.
"""

import hashlib
import hmac
import zlib
from uuid import UUID

from simulator.protocol.json_text import PHP, Body, JsonAmount, Value, WireRequest, top_sorted
from simulator.protocol.messages import Call, CallKind
from vocabulary.money import exponent_of

HEADER = "X-Signature"
#: What we are called there where nothing else is configured.
AGENT_ID = 1

TYPES = {
    CallKind.BALANCE: "getBalance",
    CallKind.BET_AND_WIN: "makeBet",
    CallKind.ROLLBACK: "rollback",
}

_READINGS = ("sorted", "as shown, sorted signed", "as shown")


def request_of(call: Call, secret: bytes, *, agent_id: int) -> WireRequest:
    """The signed request that says this call."""
    request_id = request_id_of(call)
    body = _body(call, agent_id, request_id)
    reading = _READINGS[zlib.crc32(request_id.encode()) % len(_READINGS)]
    sent = PHP(top_sorted(body) if reading == "sorted" else body)
    signed = sent if reading == "as shown" else PHP(top_sorted(body))
    headers = {"Content-Type": "application/json", HEADER: signature(signed, secret)}
    return WireRequest("", headers, sent.encode())


def signature(text: str, secret: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def request_id_of(call: Call) -> str:
    """The platform's name of one delivery: another for a repeat, the same for its copies."""
    return _uuid("request", call.reference or call.handle, call.kind, str(call.attempt))


def nameless(original: str) -> str:
    """What we call a rollback that the platform gave no id of its own."""
    return f"rollback:{original}"


def round_of(reference: str) -> str:
    """The round that a transaction belongs to; each is its own."""
    return f"{reference}-R"


def _body(call: Call, agent_id: int, request_id: str) -> Body:
    body: dict[str, Value] = {
        "agent_id": agent_id,
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
    return body | _movement(call)


def _movement(call: Call) -> dict[str, Value]:
    exponent = exponent_of(call.currency)
    if call.kind is CallKind.BALANCE:
        return {}
    if call.kind is CallKind.ROLLBACK:
        return {**_named(call), "round_id": round_of(call.original)}
    return {
        "transaction_id": call.reference,
        "round_id": round_of(call.reference),
        "bet": JsonAmount(call.amount, exponent),
        "win": JsonAmount(call.payout, exponent),
        "round_finished": True,
    }


def _named(call: Call) -> dict[str, Value]:
    """The ids of a rollback; one without its own gives the original's in its place."""
    if call.reference == nameless(call.original):
        return {"transaction_id": call.original}
    return {"transaction_id": call.reference, "rollback_transaction_id": call.original}


def _uuid(*parts: str) -> str:
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))
