"""The agent platform's callbacks field by field, under whatever names the options give them."""

import json

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import PLAIN, JsonAmount
from simulator.protocol.message_format import (
    ANY_ERROR,
    Message,
    MessageFormat,
    Pairs,
    as_number,
    called,
    hmac_sha256,
    no,
    yes,
)
from simulator.protocol.messages import Call, CallKind
from simulator.systems.agent_platform.calls import HEADER, TYPES, agent_id_of, round_of


def _message(call: Call, configuration: Configuration) -> Message:
    common = {
        "agent_id": str(agent_id_of(configuration)),
        "session_id": json.dumps(f"session-{call.handle}"),
        "player_id": json.dumps(call.handle),
        "player_username": json.dumps("john doe"),
        "type": json.dumps(TYPES[call.kind]),
        "currency": json.dumps(call.currency),
        "language": json.dumps("en"),
    }
    return Message("", (*common.items(), *_movement(call, configuration)))


def _movement(call: Call, configuration: Configuration) -> Pairs:
    if call.kind is CallKind.BALANCE:
        return ()
    id_field = configuration.option("transaction_id_field", "transaction_id")
    own = (id_field, json.dumps(call.reference))
    if call.kind is CallKind.ROLLBACK:
        undone = configuration.first_of("original_id_fields", "rollback_transaction_id")
        return (own, (undone, json.dumps(call.original)))
    round_id = json.dumps(round_of(call.reference))
    return (
        own,
        (configuration.option("round_id_field", "round_id"), round_id),
        ("bet", PLAIN(JsonAmount(call.amount, configuration.exponent))),
        ("win", PLAIN(JsonAmount(call.payout, configuration.exponent))),
        (configuration.first_of("round_finished_fields", "round_finished"), "true"),
    )


def _signs_as_sent(configuration: Configuration) -> bool:
    return configuration.option("signed_text", "any") == "raw"


def _statuses(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    return {
        "success": (200,),
        "declined": (configuration.number("insufficient_funds_status", 400),),
        **dict.fromkeys(("unknown", "malformed", "unsigned"), ANY_ERROR),
    }


MESSAGES = MessageFormat(
    routes=("",),
    message=_message,
    amount_field=called("bet"),
    player_field=called("player_id"),
    amount_token=as_number,
    signature_header=called(HEADER),
    signature_field=None,
    signs_as_sent=_signs_as_sent,
    signature=hmac_sha256,
    statuses=_statuses,
    wins_name_bets=yes,
    takes_forms=no,
    round_end_books=no,
    declines_name_balance=no,
)
