"""What the provider says, field by field, so that every field can also be said wrongly.

A message is a list of names and JSON tokens. It is printed as its side prints JSON and signed
as the sheets say, with the standard library alone.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlencode

from simulator.conformance.target import ConformanceTarget
from simulator.protocol import agent_platform, xigs
from simulator.protocol.json_text import JAVASCRIPT, PLAIN, JsonAmount, WireRequest
from simulator.protocol.messages import Call, CallKind, ProviderSystem
from simulator.protocol.signing import action_of

Pairs: TypeAlias = tuple[tuple[str, str], ...]

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ROUTES = {
    CallKind.BALANCE: "/balance",
    CallKind.BET: "/bet",
    CallKind.WIN: "/settle-bet",
    CallKind.ROUND_END: "/bet-end",
}
_SPORTSBOOK_HEADER = "X-Security-Hash"


@dataclass(frozen=True, slots=True)
class Message:
    """One callback before it is signed: the route and each field's JSON token, in order."""

    route: str
    pairs: Pairs

    def put(self, name: str, token: str) -> "Message":
        """The same message with another token in one of its fields."""
        assert name in dict(self.pairs), name
        return replace(self, pairs=tuple((n, token if n == name else t) for n, t in self.pairs))


def message_of(call: Call, subject: ConformanceTarget) -> Message:
    """The fields that say a call."""
    match subject.side:
        case ProviderSystem.AGENT_PLATFORM:
            return Message("", _agent_platform(call, subject))
        case ProviderSystem.AGGREGATOR:
            return Message(_ROUTES[call.kind], _aggregator(call, subject))
        case ProviderSystem.SPORTSBOOK:
            undo = call.kind is CallKind.ROLLBACK
            route = "/transaction-rollback" if undo else "/transaction"
            return Message(route, _sportsbook(call, subject))
        case ProviderSystem.XIGS:
            return Message("", _xigs(call, subject))


def amount_field(subject: ConformanceTarget) -> str:
    """The field that names what a bet takes."""
    match subject.side:
        case ProviderSystem.AGENT_PLATFORM:
            return "bet"
        case ProviderSystem.AGGREGATOR:
            return "balance"
        case ProviderSystem.SPORTSBOOK:
            return "amount"
        case ProviderSystem.XIGS:
            return subject.option("amount_field", "amount")


def player_field(subject: ConformanceTarget) -> str:
    """The field that names the player."""
    match subject.side:
        case ProviderSystem.AGENT_PLATFORM:
            return "player_id"
        case ProviderSystem.AGGREGATOR:
            return "user_agent"
        case ProviderSystem.SPORTSBOOK:
            return "user_id"
        case ProviderSystem.XIGS:
            return subject.option("user_id_field", "userId")


def amount_token(text: str, subject: ConformanceTarget) -> str:
    """A decimal as the side writes amounts: quoted by the sportsbook, a number elsewhere."""
    return json.dumps(text) if subject.side is ProviderSystem.SPORTSBOOK else text


def printed(pairs: Iterable[tuple[str, str]]) -> bytes:
    """A compact JSON object; what stands for a byte that is no UTF-8 becomes that byte."""
    text = "{" + ",".join(f"{json.dumps(name)}:{token}" for name, token in pairs) + "}"
    return text.encode("utf-8", "surrogateescape")


def signed(
    message: Message, subject: ConformanceTarget, secret: bytes | None = None
) -> WireRequest:
    """A message with the signature its side gives it."""
    key = subject.secrets[0] if secret is None else secret
    body = printed(message.pairs)
    text = body if _signs_as_sent(subject) else printed(sorted(message.pairs))
    signature = signature_of(text, subject, key)
    return with_signature(message.route, body, signature, subject)


def signed_bytes(route: str, body: bytes, subject: ConformanceTarget) -> WireRequest:
    """Bytes as they are, under a signature over them where it is a header."""
    if subject.side is ProviderSystem.AGGREGATOR:
        return WireRequest(route, _JSON, body)
    return with_signature(route, body, signature_of(body, subject, subject.secrets[0]), subject)


def sent_otherwise(message: Message, sent: Pairs, subject: ConformanceTarget) -> WireRequest:
    """Other fields on the wire than a reader like JavaScript is left with.

    Where the signature is a field, it is over the message; else over the bytes sent.
    """
    if subject.side is not ProviderSystem.AGGREGATOR:
        return signed_bytes(message.route, printed(sent), subject)
    text = printed(sorted(message.pairs))
    signature = signature_of(text, subject, subject.secrets[0])
    return with_signature(message.route, printed(sent), signature, subject)


def with_signature(
    route: str, body: bytes, signature: str | None, subject: ConformanceTarget
) -> WireRequest:
    """A body under a given signature; None leaves it out."""
    if signature is None:
        return WireRequest(route, _JSON, body)
    if subject.side is ProviderSystem.AGGREGATOR:
        return WireRequest(route, _JSON, body[:-1] + f',"hmac":"{signature}"}}'.encode())
    return WireRequest(route, {**_JSON, _header(subject): signature}, body)


def signature_of(text: bytes, subject: ConformanceTarget, secret: bytes) -> str:
    """The side's keyed hash of a text, in hex."""
    if subject.side is ProviderSystem.XIGS:
        return hmac.new(secret, text, hashlib.sha512).hexdigest()
    if subject.option("digest", "hmac_sha256") == "sha256_body_secret":
        return hashlib.sha256(text + secret).hexdigest()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def form(
    message: Message, subject: ConformanceTarget, *, as_texts: bool, twice: str = ""
) -> WireRequest:
    """The aggregator's message as a form, signed over texts or over the numbers meant.

    Args:
        message: what is said.
        subject: who hears it.
        as_texts: sign every value as text, as a form carries it.
        twice: a field to be sent twice.
    """
    values = {name: str(json.loads(token, parse_float=str)) for name, token in message.pairs}
    as_sent = {name: json.dumps(value) for name, value in values.items()}
    tokens = as_sent if as_texts else dict(message.pairs)
    signature = signature_of(printed(sorted(tokens.items())), subject, subject.secrets[0])
    fields = [*values.items(), ("hmac", signature)]
    fields += [(twice, values[twice])] if twice else []
    return WireRequest(message.route, _FORM, urlencode(fields).encode())


def _signs_as_sent(subject: ConformanceTarget) -> bool:
    if subject.side is ProviderSystem.AGENT_PLATFORM:
        return subject.option("signed_text", "any") == "raw"
    return subject.side is ProviderSystem.SPORTSBOOK


def _header(subject: ConformanceTarget) -> str:
    if subject.side is ProviderSystem.SPORTSBOOK:
        return _SPORTSBOOK_HEADER
    if subject.side is ProviderSystem.XIGS:
        return subject.option("signature_header", xigs.HEADER)
    return agent_platform.HEADER


def _aggregator(call: Call, subject: ConformanceTarget) -> Pairs:
    def number(minor: int) -> str:
        return JAVASCRIPT(JsonAmount(minor, subject.exponent))

    who = (("user_agent", json.dumps(call.handle)),)
    if call.kind is CallKind.BALANCE:
        return who
    bet = (("bet", number(call.stake)),) if call.kind is CallKind.WIN else ()
    ended = call.kind is CallKind.ROUND_END
    won = (("win_balance", number(call.payout)),) if ended else ()
    return (
        *who,
        *bet,
        ("balance", number(call.amount)),
        *won,
        ("bet_id", json.dumps(call.reference)),
    )


def _sportsbook(call: Call, subject: ConformanceTarget) -> Pairs:
    undone = (("rollback_transaction_id", json.dumps(call.original)),)
    return (
        ("transaction_id", json.dumps(call.reference)),
        *(undone if call.kind is CallKind.ROLLBACK else ()),
        ("action", json.dumps(action_of(call.kind))),
        ("user_id", json.dumps(call.handle)),
        ("currency", json.dumps(call.currency)),
        ("amount", json.dumps(subject.text(call.amount))),
    )


def _xigs(call: Call, subject: ConformanceTarget) -> Pairs:
    event = "open-round" if call.kind is CallKind.BET else "close-round"
    names = {
        "event_type_field": ("eventType", json.dumps(event)),
        "round_id_field": ("roundId", json.dumps(call.reference)),
        "user_id_field": ("userId", json.dumps(call.handle)),
        "amount_field": ("amount", JAVASCRIPT(JsonAmount(call.amount, subject.exponent))),
        "currency_field": ("currency", json.dumps(call.currency)),
        "transaction_id_field": ("transactionId", json.dumps(f"{call.reference}-{event}")),
    }
    pairs = [(subject.option(name, field), token) for name, (field, token) in names.items()]
    return (*pairs, ("sessionId", json.dumps(f"session-{call.handle}")))


def _agent_platform(call: Call, subject: ConformanceTarget) -> Pairs:
    who = {
        "agent_id": str(subject.number("agent_id", 0) or agent_platform.AGENT_ID),
        "session_id": json.dumps(f"session-{call.handle}"),
        "player_id": json.dumps(call.handle),
        "player_username": json.dumps("john doe"),
        "type": json.dumps(agent_platform.TYPES[call.kind]),
        "currency": json.dumps(call.currency),
        "language": json.dumps("en"),
    }
    return (*who.items(), *_agent_movement(call, subject))


def _agent_movement(call: Call, subject: ConformanceTarget) -> Pairs:
    if call.kind is CallKind.BALANCE:
        return ()
    own = (subject.option("transaction_id_field", "transaction_id"), json.dumps(call.reference))
    undone = subject.first_of("original_id_fields", "rollback_transaction_id")
    if call.kind is CallKind.ROLLBACK:
        return (own, (undone, json.dumps(call.original)))
    round_id = json.dumps(agent_platform.round_of(call.reference))
    return (
        own,
        (subject.option("round_id_field", "round_id"), round_id),
        ("bet", PLAIN(JsonAmount(call.amount, subject.exponent))),
        ("win", PLAIN(JsonAmount(call.payout, subject.exponent))),
        (subject.first_of("round_finished_fields", "round_finished"), "true"),
    )
