"""The sportsbook's callbacks field by field."""

import hashlib
import json

from simulator.protocol.configuration import Configuration
from simulator.protocol.message_format import (
    Message,
    MessageFormat,
    as_text,
    called,
    hmac_sha256,
    no,
    yes,
)
from simulator.protocol.messages import Call, CallKind
from simulator.systems.sportsbook.calls import ACTIONS, HEADER, ROLLBACK, TRANSACTION, route_of


def _message(call: Call, configuration: Configuration) -> Message:
    undone = (("rollback_transaction_id", json.dumps(call.original)),)
    pairs = (
        ("transaction_id", json.dumps(call.reference)),
        *(undone if call.kind is CallKind.ROLLBACK else ()),
        ("action", json.dumps(ACTIONS[call.kind])),
        ("user_id", json.dumps(call.handle)),
        ("currency", json.dumps(call.currency)),
        ("amount", json.dumps(configuration.text(call.amount))),
    )
    return Message(route_of(call), pairs)


def _signature(text: bytes, secret: bytes, configuration: Configuration) -> str:
    if configuration.option("digest", "hmac_sha256") == "sha256_body_secret":
        return hashlib.sha256(text + secret).hexdigest()
    return hmac_sha256(text, secret, configuration)


def _statuses(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    always_200 = dict.fromkeys(("success", "declined", "unknown", "malformed"), (200,))
    return {**always_200, "unsigned": (configuration.number("bad_hash_status", 200),)}


MESSAGES = MessageFormat(
    routes=(TRANSACTION, ROLLBACK),
    message=_message,
    amount_field=called("amount"),
    player_field=called("user_id"),
    amount_token=as_text,
    signature_header=called(HEADER),
    signature_field=None,
    signs_as_sent=yes,
    signature=_signature,
    statuses=_statuses,
    wins_name_bets=no,
    takes_forms=no,
    round_end_books=no,
    declines_name_balance=no,
)
