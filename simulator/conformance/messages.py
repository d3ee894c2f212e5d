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

from simulator.conformance.target import Subject
from simulator.protocol import agent_platform, xigs
from simulator.protocol.json_text import JAVASCRIPT, PLAIN, Number, Request
from simulator.protocol.messages import Call, Kind, Side
from simulator.protocol.signing import action_of

Pairs: TypeAlias = tuple[tuple[str, str], ...]

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ROUTES = {
    Kind.BALANCE: "/balance",
    Kind.BET: "/bet",
    Kind.WIN: "/settle-bet",
    Kind.ROUND_END: "/bet-end",
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


def message_of(call: Call, subject: Subject) -> Message:
    """The fields that say a call."""
    match subject.side:
        case Side.AGENT_PLATFORM:
            return Message("", _agent_platform(call, subject))
        case Side.AGGREGATOR:
            return Message(_ROUTES[call.kind], _aggregator(call, subject))
        case Side.SPORTSBOOK:
            undo = call.kind is Kind.ROLLBACK
            route = "/transaction-rollback" if undo else "/transaction"
            return Message(route, _sportsbook(call, subject))
        case Side.XIGS:
            return Message("", _xigs(call, subject))


def amount_field(subject: Subject) -> str:
    """The field that names what a bet takes."""
    match subject.side:
        case Side.AGENT_PLATFORM:
            return "bet"
        case Side.AGGREGATOR:
            return "balance"
        case Side.SPORTSBOOK:
            return "amount"
        case Side.XIGS:
            return subject.option("amount_field", "amount")


def player_field(subject: Subject) -> str:
    """The field that names the player."""
    match subject.side:
        case Side.AGENT_PLATFORM:
            return "player_id"
        case Side.AGGREGATOR:
            return "user_agent"
        case Side.SPORTSBOOK:
            return "user_id"
        case Side.XIGS:
            return subject.option("user_id_field", "userId")


def amount_token(text: str, subject: Subject) -> str:
    """A decimal as the side writes amounts: quoted by the sportsbook, a number elsewhere."""
    return json.dumps(text) if subject.side is Side.SPORTSBOOK else text


def printed(pairs: Iterable[tuple[str, str]]) -> bytes:
    """A compact JSON object; what stands for a byte that is no UTF-8 becomes that byte."""
    text = "{" + ",".join(f"{json.dumps(name)}:{token}" for name, token in pairs) + "}"
    return text.encode("utf-8", "surrogateescape")


def signed(message: Message, subject: Subject, secret: bytes | None = None) -> Request:
    """A message with the signature its side gives it."""
    key = subject.secrets[0] if secret is None else secret
    body = printed(message.pairs)
    text = body if _signs_as_sent(subject) else printed(sorted(message.pairs))
    signature = signature_of(text, subject, key)
    return with_signature(message.route, body, signature, subject)


def signed_bytes(route: str, body: bytes, subject: Subject) -> Request:
    """Bytes as they are, under a signature over them where it is a header."""
    if subject.side is Side.AGGREGATOR:
        return Request(route, _JSON, body)
    return with_signature(route, body, signature_of(body, subject, subject.secrets[0]), subject)


def sent_otherwise(message: Message, sent: Pairs, subject: Subject) -> Request:
    """Other fields on the wire than a reader like JavaScript is left with.

    Where the signature is a field, it is over the message; else over the bytes sent.
    """
    if subject.side is not Side.AGGREGATOR:
        return signed_bytes(message.route, printed(sent), subject)
    text = printed(sorted(message.pairs))
    signature = signature_of(text, subject, subject.secrets[0])
    return with_signature(message.route, printed(sent), signature, subject)


def with_signature(route: str, body: bytes, signature: str | None, subject: Subject) -> Request:
    """A body under a given signature; None leaves it out."""
    if signature is None:
        return Request(route, _JSON, body)
    if subject.side is Side.AGGREGATOR:
        return Request(route, _JSON, body[:-1] + f',"hmac":"{signature}"}}'.encode())
    return Request(route, {**_JSON, _header(subject): signature}, body)


def signature_of(text: bytes, subject: Subject, secret: bytes) -> str:
    """The side's keyed hash of a text, in hex."""
    if subject.side is Side.XIGS:
        return hmac.new(secret, text, hashlib.sha512).hexdigest()
    if subject.option("digest", "hmac_sha256") == "sha256_body_secret":
        return hashlib.sha256(text + secret).hexdigest()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def form(message: Message, subject: Subject, *, as_texts: bool, twice: str = "") -> Request:
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
    return Request(message.route, _FORM, urlencode(fields).encode())


def _signs_as_sent(subject: Subject) -> bool:
    if subject.side is Side.AGENT_PLATFORM:
        return subject.option("signed_text", "any") == "raw"
    return subject.side is Side.SPORTSBOOK


def _header(subject: Subject) -> str:
    if subject.side is Side.SPORTSBOOK:
        return _SPORTSBOOK_HEADER
    if subject.side is Side.XIGS:
        return subject.option("signature_header", xigs.HEADER)
    return agent_platform.HEADER


def _aggregator(call: Call, subject: Subject) -> Pairs:
    def number(minor: int) -> str:
        return JAVASCRIPT(Number(minor, subject.exponent))

    who = (("user_agent", json.dumps(call.handle)),)
    if call.kind is Kind.BALANCE:
        return who
    bet = (("bet", number(call.stake)),) if call.kind is Kind.WIN else ()
    ended = call.kind is Kind.ROUND_END
    won = (("win_balance", number(call.payout)),) if ended else ()
    return (
        *who,
        *bet,
        ("balance", number(call.amount)),
        *won,
        ("bet_id", json.dumps(call.reference)),
    )


def _sportsbook(call: Call, subject: Subject) -> Pairs:
    undone = (("rollback_transaction_id", json.dumps(call.original)),)
    return (
        ("transaction_id", json.dumps(call.reference)),
        *(undone if call.kind is Kind.ROLLBACK else ()),
        ("action", json.dumps(action_of(call.kind))),
        ("user_id", json.dumps(call.handle)),
        ("currency", json.dumps(call.currency)),
        ("amount", json.dumps(subject.text(call.amount))),
    )


def _xigs(call: Call, subject: Subject) -> Pairs:
    event = "open-round" if call.kind is Kind.BET else "close-round"
    names = {
        "event_type_field": ("eventType", json.dumps(event)),
        "round_id_field": ("roundId", json.dumps(call.reference)),
        "user_id_field": ("userId", json.dumps(call.handle)),
        "amount_field": ("amount", JAVASCRIPT(Number(call.amount, subject.exponent))),
        "currency_field": ("currency", json.dumps(call.currency)),
        "transaction_id_field": ("transactionId", json.dumps(f"{call.reference}-{event}")),
    }
    pairs = [(subject.option(name, field), token) for name, (field, token) in names.items()]
    return (*pairs, ("sessionId", json.dumps(f"session-{call.handle}")))


def _agent_platform(call: Call, subject: Subject) -> Pairs:
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


def _agent_movement(call: Call, subject: Subject) -> Pairs:
    if call.kind is Kind.BALANCE:
        return ()
    own = (subject.option("transaction_id_field", "transaction_id"), json.dumps(call.reference))
    undone = subject.first_of("original_id_fields", "rollback_transaction_id")
    if call.kind is Kind.ROLLBACK:
        return (own, (undone, json.dumps(call.original)))
    round_id = json.dumps(agent_platform.round_of(call.reference))
    return (
        own,
        (subject.option("round_id_field", "round_id"), round_id),
        ("bet", PLAIN(Number(call.amount, subject.exponent))),
        ("win", PLAIN(Number(call.payout, subject.exponent))),
        (subject.first_of("round_finished_fields", "round_finished"), "true"),
    )
