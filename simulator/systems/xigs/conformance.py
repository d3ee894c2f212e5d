"""The platform's webhooks field by field, under whatever names the options give them."""

import hashlib
import hmac
import json

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import JAVASCRIPT, JsonAmount
from simulator.protocol.message_format import (
    Message,
    MessageFormat,
    as_number,
    called_by_option,
    no,
)
from simulator.protocol.messages import Call
from simulator.systems.xigs.calls import EVENTS, HEADER


def _message(call: Call, configuration: Configuration) -> Message:
    event = EVENTS[call.kind]
    amount = JAVASCRIPT(JsonAmount(call.amount, configuration.exponent))
    fields = {
        "event_type_field": ("eventType", json.dumps(event)),
        "round_id_field": ("roundId", json.dumps(call.reference)),
        "user_id_field": ("userId", json.dumps(call.handle)),
        "amount_field": ("amount", amount),
        "currency_field": ("currency", json.dumps(call.currency)),
        "transaction_id_field": ("transactionId", json.dumps(f"{call.reference}-{event}")),
    }
    pairs = [
        (configuration.option(option, name), token) for option, (name, token) in fields.items()
    ]
    return Message("", (*pairs, ("sessionId", json.dumps(f"session-{call.handle}"))))


def _signature(text: bytes, secret: bytes, _configuration: Configuration) -> str:
    return hmac.new(secret, text, hashlib.sha512).hexdigest()


def _statuses(_configuration: Configuration) -> dict[str, tuple[int, ...]]:
    named = {"declined": (402,), "unknown": (404,), "unsigned": (401,)}
    return {"success": (200,), **named, "malformed": (400,)}


def _wins_name_bets(configuration: Configuration) -> bool:
    """Under transaction ids a win cannot say which bet it pays."""
    return configuration.option("key_source", "round") == "round"


MESSAGES = MessageFormat(
    routes=("",),
    message=_message,
    amount_field=called_by_option("amount_field", "amount"),
    player_field=called_by_option("user_id_field", "userId"),
    amount_token=as_number,
    signature_header=called_by_option("signature_header", HEADER),
    signature_field=None,
    signs_as_sent=no,
    signature=_signature,
    statuses=_statuses,
    wins_name_bets=_wins_name_bets,
    takes_forms=no,
    round_end_books=no,
    declines_name_balance=no,
)
