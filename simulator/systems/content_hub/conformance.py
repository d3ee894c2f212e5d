"""The hub's callbacks field by field, so that each can also be wrong."""

import json

from simulator.protocol.configuration import Configuration
from simulator.protocol.message_format import (
    Message,
    MessageFormat,
    called,
    called_by_option,
    no,
    yes,
)
from simulator.protocol.messages import Call
from simulator.systems.content_hub import keys
from simulator.systems.content_hub.calls import HEADER, ROUTES, fields_of, wire_digits_of


def _message(call: Call, configuration: Configuration) -> Message:
    fields = fields_of(call, configuration).items()
    return Message(
        ROUTES[call.kind], tuple((name, json.dumps(value)) for name, value in fields)
    )


def _amount_token(amount: str, configuration: Configuration) -> str:
    """A decimal scaled by moving its point; what is left behind the point stays there."""
    digits = wire_digits_of(configuration)
    sign, plain = amount[: amount.startswith("-")], amount.removeprefix("-")
    whole, _, fraction = plain.partition(".")
    scaled = (whole + fraction[:digits].ljust(digits, "0")).lstrip("0") or "0"
    rest = fraction[digits:]
    return f"{sign}{scaled}.{rest}" if rest else f"{sign}{scaled}"


def _signature(text: bytes, secret: bytes, _configuration: Configuration) -> str:
    return keys.signature(text, secret)


def _statuses(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    error = (configuration.number("error_status", 200),)
    refused = ("declined", "unknown", "malformed", "unsigned")
    return {"success": (200,), **dict.fromkeys(refused, error)}


MESSAGES = MessageFormat(
    routes=("/user/info", *ROUTES.values()),
    message=_message,
    amount_field=called("amount"),
    player_field=called("user"),
    amount_token=_amount_token,
    signature_header=called_by_option("signature_header", HEADER),
    signature_field=None,
    signs_as_sent=yes,
    signature=_signature,
    statuses=_statuses,
    wins_name_bets=yes,
    takes_forms=no,
    round_end_books=no,
    declines_name_balance=yes,
)
