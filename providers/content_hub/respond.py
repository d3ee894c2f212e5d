"""Replies to the hub: a status for everything, and what the request is recognised by.

The document wants the balance beside one error, that of a bet which the balance cannot cover.
No other refusal carries one.
"""

import json
from collections.abc import Mapping

from providers.content_hub.amounts import wire_units
from providers.content_hub.parse import INFO
from providers.contract import Provider
from providers.options import number_of, text_of
from providers.wire.decode import Json, decode_json
from providers.wire.fields import identifier
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

_SUCCESS = frozenset({Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED})
_ERRORS: Mapping[Verdict, str] = {
    Verdict.DECLINED_FUNDS: "RS_ERROR_NOT_ENOUGH_MONEY",
    Verdict.DECLINED_BLOCKED: "RS_ERROR_USER_DISABLED",
    Verdict.CONFLICT: "RS_ERROR_DUPLICATE_TRANSACTION",
    Verdict.ROLLED_BACK: "RS_ERROR_TRANSACTION_ROLLED_BACK",
    Verdict.BET_UNKNOWN: "RS_ERROR_TRANSACTION_DOES_NOT_EXIST",
    Verdict.IRREVERSIBLE: "RS_ERROR_TRANSACTION_DOES_NOT_EXIST",
    Verdict.CURRENCY_WRONG: "RS_ERROR_WRONG_CURRENCY",
    Verdict.MALFORMED: "RS_ERROR_WRONG_SYNTAX",
    Verdict.NOT_AUTHENTIC: "RS_ERROR_INVALID_SIGNATURE",
    Verdict.SIGNATURE_MISSING: "RS_ERROR_INVALID_SIGNATURE",
    Verdict.ADDRESS_REFUSED: "RS_ERROR_INVALID_PARTNER",
    Verdict.TOO_LARGE: "RS_ERROR_WRONG_SYNTAX",
    Verdict.TOO_SLOW: "RS_ERROR_TIMEOUT",
    Verdict.ROUTE_UNKNOWN: "RS_ERROR_WRONG_SYNTAX",
    Verdict.METHOD_WRONG: "RS_ERROR_WRONG_SYNTAX",
}
#: Of the request, repeated in every reply to it.
_ECHOED = ("user", "request_uuid")


def respond(outcome: Outcome, provider: Provider) -> CallbackReply:
    """Write the reply to an outcome. Total: every verdict has one."""
    verdict = outcome.verdict
    echoed = _echoed(outcome.body)
    if verdict is Verdict.RECORDED:
        return _reply(200, "RS_OK", echoed)
    if verdict in _SUCCESS and outcome.balance is not None:
        if outcome.route == INFO:
            return _reply(200, "RS_OK", echoed, {"country": text_of(provider, "country")})
        return _reply(200, "RS_OK", echoed, _balance(outcome.balance, provider))
    if verdict is Verdict.UNAVAILABLE or verdict in _SUCCESS:
        return _reply(500, "RS_ERROR_UNKNOWN", echoed)
    status = number_of(provider, "error_status")
    if verdict is Verdict.DECLINED_FUNDS and outcome.balance is not None:
        return _reply(status, _ERRORS[verdict], echoed, _balance(outcome.balance, provider))
    if verdict is Verdict.PLAYER_UNKNOWN:
        return _reply(status, text_of(provider, "player_unknown_code"), echoed)
    return _reply(status, _ERRORS[verdict], echoed)


def _balance(balance: Money, provider: Provider) -> Mapping[str, object]:
    return {"currency": balance.currency, "balance": wire_units(balance, provider)}


def _echoed(body: bytes) -> Mapping[str, str]:
    """The fields of an authentic request that its reply repeats, as far as it has them."""
    if not body:
        return {}
    try:
        document = decode_json(body)
    except Malformed:
        return {}
    fields = document if isinstance(document, dict) else {}
    echoed = {name: _id(fields.get(name)) for name in _ECHOED}
    return {name: value for name, value in echoed.items() if value}


def _id(value: Json) -> str:
    try:
        return identifier(value, "")
    except Malformed:
        return ""


def _reply(
    http_status: int,
    status: str,
    echoed: Mapping[str, str],
    more: Mapping[str, object] | None = None,
) -> CallbackReply:
    document = {"status": status, **echoed, **(more or {})}
    return CallbackReply(
        http_status, json.dumps(document, separators=(",", ":")).encode("ascii")
    )
