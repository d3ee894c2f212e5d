"""The scratch-card platform for tests: webhooks signed either way, and random documents."""

import hmac
import json
import random
from collections.abc import Iterator
from typing import Any

from providers.contract import Callback, OptionValue, Provider
from providers.xigs import DIALECT
from tests.harness.providers.speaker import Speaker, configured, request_text
from tests.harness.servers.node import javascript_sorted_signatures
from vocabulary.facts import Fact

HEADER = "x-signed-request"
TOKEN = "3f8a2c1e-5b7d-4e9f-a6c0-d1b2e3f4a5b6"
OPEN: dict[str, Any] = {
    "eventType": "open-round",
    "roundId": "9d5f2b70-6d6c-4c0e-9a53-0f1d1f6a0c11",
    "sessionId": "b1f7f5c2-14a8-4a67-8f64-5d5f0f5b9a77",
    "userId": "usr_7c21",
    "gameId": "507f191e810c19729de860ea",
    "amount": 2.5,
    "currency": "USD",
    "transactionId": "trx-1001",
    "timestamp": "2026-06-04T09:30:00.125Z",
}
CLOSE: dict[str, Any] = OPEN | {
    "eventType": "close-round",
    "amount": 40,
    "transactionId": "trx-1002",
    "timestamp": 1780565404000,
}


def asked(options: dict[str, OptionValue] | None = None, *tokens: str) -> Provider:
    """A provider with the webhook's token, or with others instead."""
    secrets = tuple(token.encode() for token in tokens or (TOKEN,))
    return configured(DIALECT, secrets=secrets, options=options)


def webhook(body: str | bytes, signature: str, *, header: str = HEADER) -> Callback:
    """One request as the receiver hands it on."""
    raw = body.encode() if isinstance(body, str) else body
    return Callback(route="", headers={header: signature}, body=raw)


def hashed(message: bytes, token: str = TOKEN) -> str:
    """HMAC-SHA512 in hex."""
    return hmac.new(token.encode(), message, "sha512").hexdigest()


def signed_raw(document: object) -> Callback:
    """A webhook whose bytes as sent are signed."""
    body = json.dumps(document).encode()
    return webhook(body, hashed(body))


def fact_of(callback: Callback, provider: Provider | None = None) -> Fact:
    """What an authentic webhook states."""
    chosen = provider or asked()
    return DIALECT.parse(DIALECT.verify(callback, chosen), chosen)


def webhook_samples(token: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Golden samples as (case, headers, body), signed by Node over the sorted form."""
    least = {name: CLOSE[name] for name in ("eventType", "roundId", "userId", "amount")}
    cases = {
        "open_round": json.dumps(OPEN),
        "close_round": json.dumps(CLOSE),
        "close_round_lost": json.dumps(CLOSE | {"amount": 0, "extra": {"b": [1], "a": None}}),
        "close_round_least": json.dumps(least),
        "open_round_spelt_numbers": json.dumps(OPEN).replace("2.5", "2.50e0"),
    }
    signed = javascript_sorted_signatures(cases.values(), token)
    for (case, body), (_text, signature) in zip(cases.items(), signed, strict=True):
        headers = {"Content-Type": "application/json", "X-Signed-Request": signature}
        yield case, headers, body


NUMBERS = (
    "0 -0 0.0 -0.0 1 -1 5.0 5.10 1.50 0.1 0.000001 0.0000001 1e16 1E+2 1e21 1e-7 123456.789 "
    "9007199254740993 1677950013029748736 12345678901234567890 5e-324 1.7976931348623157e308"
).split()
#: Keys and texts that sort or print differently in one language or the other.
WORDS = (
    '"10" "2" "1" "01" "0" "4294967294" "4294967295" "-1" "a" "B" "b" "A" "aa" "é" "€" "ﬁ" '
    '"😀" "\\ud83d\\ude00" "\\ud800" "z/\\/z" "\\u2028" "\\u007f" "\\b\\u0001" "\\"" "" "_"'
).split()


class Wild:
    """Random JSON objects with nested objects and lists, in every spelling of a sender."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def document(self, depth: int = 0) -> str:
        """An object whose keys are unique after unescaping."""
        words = {json.loads(word): word for word in self._source.choices(WORDS, k=6)}
        fields = [f"{word}{self._gap()}:{self._value(depth)}" for word in words.values()]
        self._source.shuffle(fields)
        return "{" + f",{self._gap()}".join(fields) + self._gap() + "}"

    def changed(self, body: bytes) -> bytes:
        """The body with one byte changed so that it says something else, or nothing."""
        for _ in range(1_000):
            place = self._source.randrange(len(body))
            byte = body[place] ^ (1 << self._source.randrange(8))
            other = body[:place] + bytes([byte]) + body[place + 1 :]
            if _meaning(other) != _meaning(body):
                return other
        raise AssertionError("no byte of this body says anything")

    def _value(self, depth: int) -> str:
        kind = self._source.randrange(6 if depth < 4 else 4)
        if kind == 5:
            return self.document(depth + 1)
        if kind == 4:
            items = [self._value(depth + 1) for _ in range(self._source.randrange(4))]
            return "[" + ",".join(items) + "]"
        words = ("true", "false", "null")
        return self._source.choice((NUMBERS, NUMBERS, WORDS, words)[kind])

    def _gap(self) -> str:
        return self._source.choice(("", "", " ", "\n\t"))


def _meaning(body: bytes) -> str | None:
    """The document as plain JSON in one spelling, or None where there is none."""
    try:
        return json.dumps(json.loads(body, parse_int=float), sort_keys=True)
    except ValueError:
        return None


def sign_xigs(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the signature of the body as sent into the header."""
    signature = hmac.new(secret, body, "sha512").hexdigest()
    headers = {"content-type": "application/json", "x-signed-request": signature}
    return Callback(route=route, headers=headers, body=body)


def _samples(secret: str) -> Iterator[tuple[str, bytes]]:
    for case, headers, body in webhook_samples(secret):
        yield case, request_text("", headers, body)


SPEAKER = Speaker(
    dialect=DIALECT,
    valid={"": b'{"amount":2.5,"eventType":"open-round","roundId":"r-1","userId":"usr_7c21"}'},
    sign=sign_xigs,
    signature_header=HEADER,
    samples=_samples,
    api_settings='key = "env:K"\nprofile = "P1"',
)
