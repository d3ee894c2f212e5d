"""The agent platform's document as data, and the texts its PHP would sign.

The document shows only ``getBalance`` whole; the other two are put together from its prose and
from what we assume, so their field names are those of the options' defaults.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from providers.contract import Callback
from providers.registry import DIALECTS
from tests.harness.providers.speaker import Speaker, request_text
from tests.harness.providers.speaker import hex_of as keyed
from tests.harness.servers.node import javascript_hashes

API_TOKEN = b"your-api-token-here"
GET_BALANCE: Mapping[str, Any] = {
    "agent_id": 1,
    "session_id": "550e8400-e29b-41d4-a716-446655440000",
    "player_id": "player_123",
    "player_username": "john_doe",
    "type": "getBalance",
    "currency": "RUB",
    "language": "ru",
}
#: What the newer generation of the document adds; ``freespins`` is out of order on purpose.
NEWER: Mapping[str, Any] = {
    **GET_BALANCE,
    "player_username": "Zoë/😀",
    "game_id": 123,
    "request_id": "ba9d4445-779f-4b04-8bcb-6d17bc8dc3da",
    "freespins": {"total": 10, "left": 3},
}
MAKE_BET: Mapping[str, Any] = {
    **GET_BALANCE,
    "type": "makeBet",
    "transaction_id": "T-1",
    "round_id": "R-1",
    "bet": 10.5,
    "win": 25,
}
ROLLBACK: Mapping[str, Any] = {
    **GET_BALANCE,
    "type": "rollback",
    "transaction_id": "T-2",
    "rollback_transaction_id": "T-1",
}
GAME_LINK: Mapping[str, Any] = {
    "agent_id": 1,
    "timestamp": 1640995200,
    "game_id": 123,
    "player_id": "player_123",
    "player_username": "john_doe",
    "language": "ru",
    "currency": "RUB",
    "home_url": "https://example.com",
    "agent_session_id": "session_abc123",
    "ip": "192.168.1.1",
}


def as_sent(document: Mapping[str, Any]) -> str:
    """Compact JSON in the order of the document."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def as_sorted(
    document: Mapping[str, Any], *, escaped: bool = True, slashes: bool | None = None
) -> str:
    """What ``ksort`` and ``json_encode`` print, made by Python's own encoder.

    ``escaped`` is about characters beyond ASCII, and about slashes unless ``slashes`` is.
    """
    ordered = dict(sorted(document.items()))
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=escaped)
    return text.replace("/", "\\/") if (escaped if slashes is None else slashes) else text


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """Every text that a signature may be over, by the choice of ``signed_text``."""
    return {
        "raw": as_sent(document),
        "sorted_escaped": as_sorted(document, escaped=True),
        "sorted_unescaped": as_sorted(document, escaped=False),
        "sorted_unescaped_unicode": as_sorted(document, escaped=False, slashes=True),
        "sorted_unescaped_slashes": as_sorted(document, escaped=True, slashes=False),
    }


def hex_of(text: str, secret: bytes) -> str:
    """HMAC-SHA256 of a text."""
    return hmac.new(secret, text.encode(), sha256).hexdigest()


def callback(body: str | bytes, signature: str) -> Callback:
    """A request with this body and this signature."""
    raw = body.encode() if isinstance(body, str) else body
    return Callback(route="", headers={"x-signature": signature}, body=raw)


def _documents() -> Iterator[tuple[str, str, str]]:
    """(case, body, text that is signed) of each golden sample."""
    yield "get_balance", as_sent(GET_BALANCE), as_sorted(GET_BALANCE, escaped=True)
    yield "get_balance_newer", as_sent(NEWER), as_sorted(NEWER, escaped=True)
    yield "get_balance_unescaped", as_sent(NEWER), as_sorted(NEWER, escaped=False)
    yield "make_bet", as_sent(MAKE_BET), as_sent(MAKE_BET)
    free = {**MAKE_BET, "transaction_id": "T-3", "bet": 0, "win": "7.50"}
    yield "make_bet_free_spin", as_sent(free), as_sent(free)
    lost = {**MAKE_BET, "transaction_id": 42, "win": 0, "round_finished": True}
    yield "make_bet_lost", as_sent(lost), as_sorted(lost, escaped=True)
    yield "rollback", as_sent(ROLLBACK), as_sent(ROLLBACK)
    single = {k: v for k, v in ROLLBACK.items() if k != "rollback_transaction_id"}
    yield "rollback_single_id", as_sent(single), as_sent(single)


def sign_agent_platform(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the signature of the body as sent into the header."""
    headers = {"content-type": "application/json", "x-signature": keyed(secret, body)}
    return Callback(route=route, headers=headers, body=body)


def _samples(secret: str) -> Iterator[tuple[str, bytes]]:
    cases = list(_documents())
    signatures = javascript_hashes([signed for _, _, signed in cases], secret)
    for (case, body, _signed), signature in zip(cases, signatures, strict=True):
        headers = {"Content-Type": "application/json", "X-Signature": signature}
        yield case, request_text("", headers, body)


SPEAKER = Speaker(
    dialect=DIALECTS["agent_platform"],
    valid={
        "": (
            b'{"agent_id":1,"bet":10.00,"currency":"USD","player_id":"player_123",'
            b'"transaction_id":"T-1","type":"makeBet","win":25.50}'
        ),
    },
    sign=sign_agent_platform,
    signature_header="x-signature",
    samples=_samples,
    api_settings='agent_id = 7\nkey = "env:K"',
)
