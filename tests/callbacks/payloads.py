"""Callbacks signed by real PHP and by Node, each with what it must move. Seeded."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.callbacks.php import (
    PRESERVE_ZERO_FRACTION,
    UNESCAPED_LINE_TERMINATORS,
    UNESCAPED_SLASHES,
    UNESCAPED_UNICODE,
    ToSign,
    sign,
)
from tests.harness.servers.node import javascript_signatures, javascript_sorted_signatures
from tests.harness.servers.receiver import SECRET

PLAYERS = tuple(f"player-{number}" for number in range(20))
#: Every combination of flags that decides what is escaped; line terminators need unicode.
ESCAPES = (
    0,
    UNESCAPED_SLASHES,
    UNESCAPED_UNICODE,
    UNESCAPED_SLASHES | UNESCAPED_UNICODE,
    UNESCAPED_UNICODE | UNESCAPED_LINE_TERMINATORS,
    UNESCAPED_SLASHES | UNESCAPED_UNICODE | UNESCAPED_LINE_TERMINATORS,
)
#: Fields that no document names: every kind of value, and keys that look like numbers.
EXTRAS: Sequence[tuple[str, Any]] = (
    ("url", "https://example.com/a/b?c=1"),
    ("note", "Zażółć gęślą jaźń \u2028\u2029 😀 </x>"),
    ("freespins", []),
    ("progress", {"total": 10, "left": [1, {"b": 0.1}, []], "10": "x", "9": None}),
    ("rate", 0.1 + 0.2),
    ("tiny", 0.00001),
    ("huge", 1e25),
    ("whole", 10.0),
    ("id64", 9007199254740993),
    ("ok", True),
    ("nothing", None),
    ("quoted", 'a"b\\c\t\x01\x7f'),
    ("Ż/ó", "/"),
    ("Z", "upper case sorts first"),
    ("1", "a number as a key"),
    ("10", 10),
    ("9", 9),
    ("-3", "below zero"),
    ("007", "not in its shortest form"),
    ("1.5", "a fraction"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCallback:
    """One callback as sent.

    Attributes:
        key: of the operation it must book.
        stake, payout: what that moves, in minor units.
        altered: the same with another id or amount, under the same signature.
        means: how it was signed, for people.
    """

    slug: str
    route: str
    headers: dict[str, str]
    body: bytes
    altered: bytes
    key: str
    stake: int
    payout: int
    means: str


def callbacks(count: int, seed: int) -> Iterator[SignedCallback]:
    """So many callbacks of four providers, in one order for one seed."""
    source = random.Random(seed)
    shares = {_platform: count - 3 * (count // 8)}
    shares |= dict.fromkeys((_sportsbook, _cards, _games), count // 8)
    made = [callback for make, share in shares.items() for callback in make(source, share)]
    source.shuffle(made)
    yield from made


def _shuffled(source: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    chosen = source.sample(EXTRAS, source.randint(0, 6))
    pairs = [*fields.items(), *chosen]
    source.shuffle(pairs)
    return dict(pairs)


def _cents(source: random.Random) -> int:
    return source.choice([0, 10, 30, 100, 435, source.randrange(1, 500)])


def _amount(source: random.Random, cents: int) -> float | int | str:
    """The amount as a double, a whole number where it is one, or a text."""
    if cents % 100 == 0 and source.random() < 0.5:
        return cents // 100
    return f"{cents / 100:.2f}" if source.random() < 0.1 else cents / 100


def _spelling(source: random.Random, payload: dict[str, Any], *, is_raw: bool) -> ToSign:
    """How a PHP programmer may have sent and signed it; the zero fraction is kept or not."""
    fraction = source.choice([0, PRESERVE_ZERO_FRACTION])
    return ToSign(
        payload=json.dumps(payload),
        sort=source.random() < 0.3,
        body=source.choice(ESCAPES) | fraction,
        sign=None if is_raw else source.choice(ESCAPES) | fraction,
        precision=source.choice([-1, 17]),
        digest="sha256",
        bom=source.random() < 0.1,
        secret=SECRET.decode(),
    )


def _platform(source: random.Random, count: int) -> list[SignedCallback]:
    payloads = []
    for number in range(count):
        stake, payout = _cents(source), _cents(source)
        fields = {
            "agent_id": 1,
            "type": "makeBet",
            "player_id": source.choice(PLAYERS),
            "player_username": source.choice(["john", "Zoë/😀", "ż"]),
            "currency": "USD",
            "transaction_id": f"P-{number:06}" if source.random() < 0.8 else 10**9 + number,
            "bet": _amount(source, stake),
            "win": _amount(source, payout),
        }
        payloads.append((fields, stake, payout))
    requests = [
        _spelling(source, _shuffled(source, fields), is_raw=source.random() < 0.2)
        for fields, _, _ in payloads
    ]
    return [
        SignedCallback(
            slug="agent",
            route="",
            headers={"x-signature": _hex(source, signature)},
            body=body,
            altered=_altered(source, body, str(fields["transaction_id"]), b'"bet":'),
            key=str(fields["transaction_id"]),
            stake=stake,
            payout=payout,
            means=f"PHP {request}",
        )
        for (fields, stake, payout), request, (body, signature) in zip(
            payloads, requests, sign(requests), strict=True
        )
    ]


def _sportsbook(source: random.Random, count: int) -> list[SignedCallback]:
    payloads = []
    for number in range(count):
        fields: dict[str, Any] = {
            "transaction_id": f"S-{number:06}",
            "action": source.choice(["bet", "result"]),
            "user_id": source.choice(PLAYERS),
            "currency": "USD",
        }
        cents = _cents(source)
        payloads.append((fields | {"amount": _amount(source, cents)}, cents))
    requests = [
        _spelling(source, _shuffled(source, fields), is_raw=True) for fields, _ in payloads
    ]
    return [
        SignedCallback(
            slug="sport",
            route="/transaction",
            headers={"x-security-hash": _hex(source, signature)},
            body=body,
            altered=_altered(source, body, fields["transaction_id"], b'"amount":'),
            key=str(fields["transaction_id"]),
            stake=cents if fields["action"] == "bet" else 0,
            payout=0 if fields["action"] == "bet" else cents,
            means=f"PHP {request}",
        )
        for (fields, cents), request, (body, signature) in zip(
            payloads, requests, sign(requests), strict=True
        )
    ]


def _cards(source: random.Random, count: int) -> list[SignedCallback]:
    payloads = []
    for number in range(count):
        cents = _cents(source)
        fields = {
            "eventType": "open-round",
            "roundId": f"C-{number:06}",
            "userId": source.choice(PLAYERS),
            "amount": cents / 100,
        }
        payloads.append((json.dumps(_shuffled(source, fields)), cents))
    signatures = javascript_sorted_signatures([text for text, _ in payloads], SECRET.decode())
    return [
        SignedCallback(
            slug="cards",
            route="",
            headers={"x-cards-proof": _hex(source, signature)},
            body=text.encode(),
            altered=_altered(source, text.encode(), f"C-{number:06}", b'"amount": '),
            key=f"open:C-{number:06}",
            stake=cents,
            payout=0,
            means="Node, keys sorted at every depth",
        )
        for number, ((text, cents), (_printed, signature)) in enumerate(
            zip(payloads, signatures, strict=True)
        )
    ]


def _games(source: random.Random, count: int) -> list[SignedCallback]:
    payloads = []
    for number in range(count):
        cents = _cents(source)
        fields = {
            "user_agent": source.choice(PLAYERS),
            "balance": cents / 100,
            "bet_id": f"G-{number:06}",
        }
        text = json.dumps(_shuffled(source, fields), ensure_ascii=source.random() < 0.5)
        payloads.append((text, cents))
    signatures = javascript_signatures([text for text, _ in payloads], SECRET.decode())
    return [
        SignedCallback(
            slug="games",
            route="/bet",
            headers={},
            body=(signed := f'{text[:-1]}, "hmac": "{_hex(source, signature)}"}}'.encode()),
            altered=_altered(source, signed, f"G-{number:06}", b'"balance": '),
            key=f"bet:G-{number:06}",
            stake=cents,
            payout=0,
            means="Node, the sample of the document",
        )
        for number, ((text, cents), (_printed, signature)) in enumerate(
            zip(payloads, signatures, strict=True)
        )
    ]


def _hex(source: random.Random, signature: str) -> str:
    return signature.upper() if source.random() < 0.2 else signature


def _altered(source: random.Random, body: bytes, name: str, before_amount: bytes) -> bytes:
    """The body with another last digit of its id, or another first digit of its amount."""
    place = body.index(name.encode()) + len(name) - 1
    amount = body.index(before_amount) + len(before_amount)
    if source.random() < 0.5 and body[amount : amount + 1].isdigit():
        place = amount
    digit = bytes([body[place]])
    other = source.choice([d for d in b"123456789" if bytes([d]) != digit])
    return body[:place] + bytes([other]) + body[place + 1 :]
