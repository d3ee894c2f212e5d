"""The aggregator's document as data: its samples, and ways to send variations of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from tests.harness.providers.speaker import Speaker, configured, hex_of, request_text
from tests.harness.servers.node import javascript_signatures
from vocabulary.facts import Fact

AGGREGATOR = DIALECTS["aggregator"]
AGENT_SECRET = b"test_agent_secret"
ASKED = configured(AGGREGATOR, secrets=(AGENT_SECRET,))
BET_ID = "1677950013029748736"
HANDLE = "LAG1.0632094194"
SAMPLES: Mapping[str, dict[str, Any]] = {
    "/balance": {"user_agent": HANDLE},
    "/bet": {"user_agent": HANDLE, "balance": 5, "bet_id": BET_ID},
    "/settle-bet": {"user_agent": HANDLE, "bet": 5, "balance": 20, "bet_id": BET_ID},
    "/bet-end": {"user_agent": HANDLE, "balance": 5, "win_balance": 20, "bet_id": BET_ID},
    "/history": {
        "_id": "66a1c0f2e1b2c3d4e5f60718",
        "type": "update",
        "provider": "PGSoft",
        "game": "Super Golf Drive",
        "game_id": "1513328",
        "user_agent": HANDLE,
        "before_balance": 296.59,
        "after_balance": 311.59,
        "used_balance": 5,
        "receive_balance": 20,
        "winlose": 15,
        "createdAt": "2026-06-04T09:30:00.000Z",
        "updatedAt": "2026-06-04T09:30:04.000Z",
    },
}
SAMPLE_SIGNATURES = {
    "/balance": "96fb9e8a6840030f9230beb26ad6ae0e49c6c5cb8f33ddb3acf869554bfa5aa4",
    "/bet": "0bcc85e605fc2cf08d1894e654d40d420de7d340d421542113d520ee2bb55274",
    "/settle-bet": "df2d582f74e8ed2e08acb7a224891b19937fffe949bc1603eeb1108190489eef",
    "/bet-end": "ef9146e0e5b2dad9a1354a631a3c5e4ecadd17560deeccacf7b222f55cafae27",
    "/history": "273836c39b33e7c594407d52f76e256676872ae87c5af6c6a40c952ef15df352",
}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def callback(route: str, body: str | bytes, content_type: str | None = JSON) -> Callback:
    raw = body.encode() if isinstance(body, str) else body
    headers = {} if content_type is None else {"content-type": content_type}
    return Callback(route=route, headers=headers, body=raw)


def with_hmac(text: str, hex_digest: str) -> str:
    return f'{text[:-1]},"hmac":"{hex_digest}"}}'


def fact_of(callback: Callback, provider: Provider | None = None) -> Fact:
    asked = provider or ASKED
    return AGGREGATOR.parse(AGGREGATOR.verify(callback, asked), asked)


def signed(route: str, document: dict[str, Any]) -> Callback:
    """Signed over the numbers exactly as Python prints them (the second candidate)."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sign_aggregator(route, text.encode(), AGENT_SECRET)


def signed_text(route: str, text: str) -> Callback:
    return sign_aggregator(route, text.encode(), AGENT_SECRET)


def bet_of(token: str) -> str:
    return f'{{"balance":{token},"bet_id":"b","user_agent":"u"}}'


def sign_aggregator(route: str, body: bytes, secret: bytes) -> Callback:
    """Append ``hmac`` to a compact JSON object whose keys are sorted."""
    tail = b'"hmac":"' + hex_of(secret, body).encode() + b'"}'
    comma = b"" if body == b"{}" else b","
    headers = {"content-type": "application/json"}
    return Callback(route=route, headers=headers, body=body[:-1] + comma + tail)


def _samples(secret: str) -> Iterator[tuple[str, bytes]]:
    texts = {
        route.strip("/").replace("-", "_"): (route, json.dumps(document))
        for route, document in SAMPLES.items()
    }
    spelt = json.dumps(SAMPLES["/bet"]).replace('"balance": 5', '"balance": 5.10e0')
    texts["bet_spelt_numbers"] = ("/bet", spelt)
    signed = javascript_signatures([text for _, text in texts.values()], secret)
    for (case, (route, text)), (_printed, hex_digest) in zip(
        texts.items(), signed, strict=True
    ):
        body = f'{text[:-1]}, "hmac": "{hex_digest}"}}'
        yield case, request_text(route, {"Content-Type": JSON}, body)
    fields = {name: str(value) for name, value in SAMPLES["/bet"].items()}
    ((_printed, hex_digest),) = javascript_signatures([json.dumps(fields)], secret)
    form = "&".join(
        f"{name}={value}" for name, value in (fields | {"hmac": hex_digest}).items()
    )
    yield "bet_form", request_text("/bet", {"Content-Type": FORM}, form)


SPEAKER = Speaker(
    dialect=AGGREGATOR,
    valid={
        "/balance": b'{"user_agent":"LAG1.0632094194"}',
        "/bet": b'{"balance":5,"bet_id":"1677950013029748736","user_agent":"LAG1.0632094194"}',
        "/settle-bet": (
            b'{"balance":20,"bet":5,"bet_id":"1677950013029748736",'
            b'"user_agent":"LAG1.0632094194"}'
        ),
        "/bet-end": (
            b'{"balance":5,"bet_id":"1677950013029748736","user_agent":"LAG1.0632094194",'
            b'"win_balance":20}'
        ),
        "/history": (
            b'{"_id":"66a1c0f2e1b2c3d4e5f60718","after_balance":311.59,"before_balance":296.59,'
            b'"createdAt":"2026-06-04T09:30:00.000Z","game":"Super Golf Drive",'
            b'"game_id":"1513328",'
            b'"provider":"PGSoft","receive_balance":20,"type":"update",'
            b'"updatedAt":"2026-06-04T09:30:04.000Z","used_balance":5,'
            b'"user_agent":"LAG1.0632094194","winlose":15}'
        ),
    },
    sign=sign_aggregator,
    signature_header=None,
    samples=_samples,
    api_settings='key = "env:K"\nprefix = "LAG1"\nform_bodies = true',
)
