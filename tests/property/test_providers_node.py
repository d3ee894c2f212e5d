"""Signatures made by the provider's own JavaScript under Node, and every way to spoil them."""

import json
import os
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from providers.contract import Callback, Verified
from providers.registry import DIALECTS
from tests.harness.dialects.aggregator import SAMPLES
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.servers.node import (
    javascript_hashes,
    javascript_signatures,
    javascript_verdicts,
)
from vocabulary.errors import NotAuthentic

SECRET = "agent-secret-é"
AGGREGATOR = DIALECTS["aggregator"]
SPORTSBOOK = DIALECTS["sportsbook"]
ASKED = configured(AGGREGATOR, secrets=(SECRET.encode(),))
ASKED_SPORTSBOOK = configured(SPORTSBOOK, secrets=(SECRET.encode(),))
PAYLOADS = int(os.environ.get("NODE_PAYLOADS", "3000"))
#: Bytes that mean something to JSON, numbers and decoders.
TELLING = frozenset(b'"\\,:{}[] \n019aeE.-+\x00\x7f\x80\xff')

Verify = Callable[[bytes], Verified]


def verify_aggregator(body: bytes) -> Verified:
    return AGGREGATOR.verify(Callback(route="/bet", headers={}, body=body), ASKED)


def still_verify(verify: Verify, bodies: Iterable[bytes]) -> list[bytes]:
    """Those of the bodies that are accepted; only NotAuthentic may be raised for the others."""
    accepted = []
    for body in bodies:
        try:
            verify(body)
        except NotAuthentic:
            continue
        accepted.append(body)
    return accepted


def one_byte_changes(body: bytes) -> Iterable[bytes]:
    """Every byte with each bit flipped, replaced by each telling byte, dropped, and doubled."""
    for place, byte in enumerate(body):
        before, after = body[:place], body[place + 1 :]
        others = {byte ^ (1 << bit) for bit in range(8)} | TELLING - {byte}
        yield from (before + bytes([other]) + after for other in others)
        yield before + after
        yield before + bytes([byte, byte]) + after


def with_hmac(text: str, hex_digest: str) -> str:
    return text[:-1] + ("," if text != "{}" else "") + f'"hmac":"{hex_digest}"}}'


@pytest.mark.parametrize("route", SAMPLES)
def test_a_sample_signed_under_node_is_accepted_and_any_changed_byte_is_refused(
    route: str,
) -> None:
    text = json.dumps(SAMPLES[route], separators=(",", ":"))
    ((_printed, hex_digest),) = javascript_signatures([text], SECRET)
    body = with_hmac(text, hex_digest)

    assert javascript_verdicts([body], SECRET) == [True]
    assert verify_aggregator(body.encode()).callback.body == body.encode()
    changed = still_verify(verify_aggregator, one_byte_changes(body.encode()))
    assert [text for text in changed if not is_same_but_for_hex_case(text, body.encode())] == []


def is_same_but_for_hex_case(changed: bytes, body: bytes) -> bool:
    """Whether only a hex digit of the signature changed, and only its case."""
    start = body.index(b'"hmac":"') + len(b'"hmac":"')
    signature = changed[start:].lower()
    return changed[:start] == body[:start] and signature == body[start:].lower()


@pytest.mark.parametrize("header", ["x-security-hash", "x-securty-hash"])
@pytest.mark.parametrize("route", SPEAKERS["sportsbook"].valid)
def test_a_sportsbook_body_hashed_under_node_is_accepted_and_any_changed_byte_is_refused(
    route: str, header: str
) -> None:
    body = SPEAKERS["sportsbook"].valid[route]
    (hex_digest,) = javascript_hashes([body.decode()], SECRET)

    def verify(changed: bytes) -> Verified:
        came = Callback(route=route, headers={header: hex_digest}, body=changed)
        return SPORTSBOOK.verify(came, ASKED_SPORTSBOOK)

    assert verify(body).callback.body == body
    assert still_verify(verify, one_byte_changes(body)) == []


# No key holds a backslash: once V8 in Node 24.19 has read {"a":1,"\\":2}, it reads the key of
# {"a":1,"\"":2} as a backslash too, which would test that defect and not our code.
BACKSLASH = "\\"


class Wild:
    """Random JSON in every spelling a sender may choose."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def payload(self) -> str:
        """An object without ``hmac``, its keys unique after unescaping."""
        return self._object(self._keys(self._source.randint(1, 7)), depth=0)

    def place(self, length: int) -> int:
        """A place within a text of that length."""
        return self._source.randrange(length)

    def byte(self, other_than: int) -> int:
        """A byte that differs from the given one."""
        return (other_than + self._source.randint(1, 255)) % 256

    def _keys(self, count: int) -> set[str]:
        return {self._word().replace(BACKSLASH, "_") for _ in range(count)}

    def _object(self, keys: Iterable[str], *, depth: int) -> str:
        ordered = sorted(keys)
        self._source.shuffle(ordered)
        fields = [f"{self._text(key)}{self._gap()}:{self._value(depth)}" for key in ordered]
        return "{" + ",".join(fields) + self._gap() + "}"

    def _value(self, depth: int) -> str:
        kinds: list[Callable[[], str]] = [
            self._number,
            self._number,
            lambda: self._text(self._word()),
            lambda: self._source.choice(["true", "false", "null"]),
        ]
        if depth < 3:
            kinds.append(lambda: self._object(self._keys(3), depth=depth + 1))
            kinds.append(lambda: f"[{self._value(depth + 1)},{self._value(depth + 1)}]")
        return self._gap() + self._source.choice(kinds)()

    def _number(self) -> str:
        source = self._source
        whole = str(source.choice([0, source.randrange(100), source.randrange(10**20)]))
        fraction = source.choice(["", "", ".0", ".50", f".{source.randrange(10**18)}"])
        exponent = source.choice(["", "", "", "e5", "E+2", f"e{source.randint(-30, 30)}"])
        return source.choice(["", "", "-"]) + whole + fraction + exponent

    def _word(self) -> str:
        alphabet = 'ab10 2"\\/\n\t\x00\x7fé\u2028\ufffe\U0001f600\U00010000\ue000_'
        length = self._source.randint(1, 4)
        known = ["user_agent", "balance", "bet_id", "10", "9", "4294967295"]
        if self._source.random() < 0.4:
            return self._source.choice(known)
        return "".join(self._source.choice(alphabet) for _ in range(length))

    def _text(self, word: str) -> str:
        plain = json.dumps(word, ensure_ascii=self._source.random() < 0.5)
        lone = self._source.random() < 0.02
        return plain[:-1] + '\\uD83D"' if lone else plain

    def _gap(self) -> str:
        return self._source.choice(["", "", "", " ", "\n\t"])


def wild_bodies() -> list[tuple[str, str]]:
    """Payload texts, each with its body signed under Node."""
    wild = Wild(seed=1_000_003)
    payloads: list[str] = []
    while len(payloads) < PAYLOADS:
        text = wild.payload()
        if len(json.loads(text)) == len(json.loads(text, object_pairs_hook=list)):
            payloads.append(text)
    signatures = javascript_signatures(payloads, SECRET)
    return [
        (text, with_hmac(text.rstrip(), hex_digest))
        for text, (_printed, hex_digest) in zip(payloads, signatures, strict=True)
    ]


def meanings(bodies: list[bytes]) -> list[Any]:
    """What bodies sign: their payload texts under Node, without the hmac."""
    signed = javascript_signatures([body.decode() for body in bodies], SECRET)
    return [printed for printed, _hex in signed]


def test_thousands_of_wild_payloads_signed_under_node_are_accepted() -> None:
    refused = [
        text
        for text, body in wild_bodies()
        if not still_verify(verify_aggregator, [body.encode()])
    ]

    assert refused == []


def test_a_changed_byte_is_refused_unless_javascript_itself_signs_the_same_text() -> None:
    """A byte of a gap, or of digits beyond a double, changes the spelling and not the text."""
    wild = Wild(seed=7)
    changed: list[tuple[bytes, bytes]] = []
    for _text, body in wild_bodies():
        raw = bytearray(body.encode())
        place = wild.place(len(raw))
        raw[place] = wild.byte(other_than=raw[place])
        changed.append((body.encode(), bytes(raw)))

    accepted = [pair for pair in changed if still_verify(verify_aggregator, [pair[1]])]

    assert len(accepted) < PAYLOADS // 50
    assert meanings([after for _, after in accepted]) == meanings(
        [before for before, _ in accepted]
    )
