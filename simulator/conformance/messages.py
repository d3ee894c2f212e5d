"""Requests that a provider sends, and requests that nobody should ever send.

A message is a list of names and JSON tokens, made and signed as the system's ``MessageFormat``
says, with the standard library alone.
"""

import json
from urllib.parse import urlencode

from simulator.conformance.target import ConformanceTarget
from simulator.protocol.json_text import WireRequest
from simulator.protocol.message_format import Message, MessageFormat, Pairs, printed
from simulator.protocol.messages import Call

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def message_of(call: Call, target: ConformanceTarget) -> Message:
    """The fields that make a call."""
    return _format(target).message(call, target)


def amount_field(target: ConformanceTarget) -> str:
    """The field that names what a bet takes."""
    return _format(target).amount_field(target)


def player_field(target: ConformanceTarget) -> str:
    """The field that names the player."""
    return _format(target).player_field(target)


def amount_token(text: str, target: ConformanceTarget) -> str:
    """A decimal as the system writes amounts."""
    return _format(target).amount_token(text, target)


def declines_name_balance(target: ConformanceTarget) -> bool:
    """Whether a bet that the balance cannot cover is answered with the balance."""
    return _format(target).declines_name_balance(target)


def signed(
    message: Message, target: ConformanceTarget, secret: bytes | None = None
) -> WireRequest:
    """A message with the signature its system gives it."""
    body = printed(message.pairs)
    as_sent = _format(target).signs_as_sent(target)
    text = body if as_sent else printed(sorted(message.pairs))
    return with_signature(message.route, body, signature_of(text, target, secret), target)


def signed_bytes(route: str, body: bytes, target: ConformanceTarget) -> WireRequest:
    """Bytes as they are, under a signature over them where it is a header."""
    if _format(target).signature_header is None:
        return WireRequest(route, _JSON, body)
    return with_signature(route, body, signature_of(body, target), target)


def sent_otherwise(message: Message, sent: Pairs, target: ConformanceTarget) -> WireRequest:
    """Other fields on the wire than a reader like JavaScript is left with.

    Where the signature is a field, it is over the message; else over the bytes sent.
    """
    if _format(target).signature_header is not None:
        return signed_bytes(message.route, printed(sent), target)
    signature = signature_of(printed(sorted(message.pairs)), target)
    return with_signature(message.route, printed(sent), signature, target)


def with_signature(
    route: str, body: bytes, signature: str | None, target: ConformanceTarget
) -> WireRequest:
    """A body under a given signature; None leaves it out."""
    message_format = _format(target)
    if signature is None:
        return WireRequest(route, _JSON, body)
    if message_format.signature_header is not None:
        header = message_format.signature_header(target)
        return WireRequest(route, {**_JSON, header: signature}, body)
    field = f',"{message_format.signature_field}":"{signature}"}}'
    return WireRequest(route, _JSON, body[:-1] + field.encode())


def signature_of(text: bytes, target: ConformanceTarget, secret: bytes | None = None) -> str:
    """The system's keyed hash of a text, in hex, by default under the current secret."""
    key = target.secrets[0] if secret is None else secret
    return _format(target).signature(text, key, target)


def form(
    message: Message, target: ConformanceTarget, *, as_texts: bool, twice: str = ""
) -> WireRequest:
    """The message as a form, signed over texts or over the numbers meant.

    Args:
        message: the fields.
        target: a provider whose signature is a field.
        as_texts: sign every value as text, as a form carries it.
        twice: a field to be sent twice.
    """
    values = {name: str(json.loads(token, parse_float=str)) for name, token in message.pairs}
    as_sent = {name: json.dumps(value) for name, value in values.items()}
    tokens = as_sent if as_texts else dict(message.pairs)
    signature = signature_of(printed(sorted(tokens.items())), target)
    field = _format(target).signature_field
    assert field is not None, target.slug
    fields = [*values.items(), (field, signature)]
    fields += [(twice, values[twice])] if twice else []
    return WireRequest(message.route, _FORM, urlencode(fields).encode())


def _format(target: ConformanceTarget) -> MessageFormat:
    return target.system.messages
