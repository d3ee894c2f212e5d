"""The aggregator's callbacks field by field."""

import json

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import JAVASCRIPT, JsonAmount
from simulator.protocol.message_format import (
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
from simulator.systems.aggregator.calls import HISTORY_ROUTE, ROUTES, SIGNATURE_FIELD


def _message(call: Call, configuration: Configuration) -> Message:
    return Message(ROUTES[call.kind], _pairs(call, configuration))


def _pairs(call: Call, configuration: Configuration) -> Pairs:
    def number(minor: int) -> str:
        return JAVASCRIPT(JsonAmount(minor, configuration.exponent))

    player = (("user_agent", json.dumps(call.handle)),)
    if call.kind is CallKind.BALANCE:
        return player
    bet = (("bet", number(call.stake)),) if call.kind is CallKind.WIN else ()
    ended = call.kind is CallKind.ROUND_END
    won = (("win_balance", number(call.payout)),) if ended else ()
    return (
        *player,
        *bet,
        ("balance", number(call.amount)),
        *won,
        ("bet_id", json.dumps(call.reference)),
    )


def _statuses(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    return {
        "success": (200,),
        "declined": (configuration.number("insufficient_funds_status", 400),),
        "unknown": (configuration.number("player_unknown_status", 404),),
        "malformed": (400,),
        "unsigned": (401,),
    }


def _takes_forms(configuration: Configuration) -> bool:
    return bool(configuration.options.get("form_bodies", True))


def _round_end_books(configuration: Configuration) -> bool:
    return configuration.option("bet_end", "compare") == "apply_missing"


MESSAGES = MessageFormat(
    routes=(*ROUTES.values(), HISTORY_ROUTE),
    message=_message,
    amount_field=called("balance"),
    player_field=called("user_agent"),
    amount_token=as_number,
    signature_header=None,
    signature_field=SIGNATURE_FIELD,
    signs_as_sent=no,
    signature=hmac_sha256,
    statuses=_statuses,
    wins_name_bets=yes,
    takes_forms=_takes_forms,
    round_end_books=_round_end_books,
    declines_name_balance=no,
)
