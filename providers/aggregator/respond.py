"""Replies to the aggregator.

No refusal carries a ``balance``: a caller that only reads that key must not take a decline for
a success. Only the reply to a bad signature is documented; the other errors follow the
style of the provider's own error table and are assumptions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from providers.contract import Provider
from providers.options import number_of, text_of
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class _Error:
    """An error's text and its status: a number, or the option that holds it."""

    status: int | str
    text: str


_ERRORS: Mapping[Verdict, _Error] = {
    Verdict.DECLINED_FUNDS: _Error("insufficient_funds_status", "Insufficient balance"),
    Verdict.DECLINED_BLOCKED: _Error("player_blocked_status", "User blocked"),
    Verdict.CONFLICT: _Error("conflict_status", "Duplicate transaction mismatch"),
    Verdict.ROLLED_BACK: _Error("round_closed_status", "Round closed"),
    Verdict.BET_UNKNOWN: _Error("bet_unknown_status", "Bet not found"),
    Verdict.IRREVERSIBLE: _Error("conflict_status", "Not reversible"),
    Verdict.PLAYER_UNKNOWN: _Error("player_unknown_status", "User not found"),
    Verdict.CURRENCY_WRONG: _Error(400, "Invalid request"),
    Verdict.MALFORMED: _Error(400, "Invalid request"),
    Verdict.NOT_AUTHENTIC: _Error(401, "invalid signature"),
    Verdict.SIGNATURE_MISSING: _Error(401, "invalid signature"),
    Verdict.ADDRESS_REFUSED: _Error(403, "IP not allowed"),
    Verdict.TOO_LARGE: _Error(413, "Request too large"),
    Verdict.TOO_SLOW: _Error(408, "Request timeout"),
    Verdict.ROUTE_UNKNOWN: _Error(404, "Not Found"),
    Verdict.METHOD_WRONG: _Error(405, "Method not allowed"),
    Verdict.UNAVAILABLE: _Error(500, "Internal error"),
}
_MOVED = frozenset({Verdict.ACCEPTED, Verdict.REPEATED})
#: Nothing is known to have gone wrong for the provider: it may ask again.
_INTERNAL = CallbackReply(500, b'{"error":"Internal error"}')


def respond(outcome: Outcome, provider: Provider) -> CallbackReply:
    """Write the reply to an outcome. Total: every verdict has one."""
    verdict = outcome.verdict
    if verdict in _MOVED:
        return _moved(outcome.balance, provider)
    if verdict is Verdict.BALANCE:
        return _balance(outcome, provider)
    if verdict is Verdict.RECORDED:
        return CallbackReply(200, b'{"status":true}')
    error = _ERRORS[verdict]
    status = error.status
    return CallbackReply(
        number_of(provider, status) if isinstance(status, str) else status,
        f'{{"error":"{error.text}"}}'.encode("ascii"),
    )


def _moved(balance: Money | None, provider: Provider) -> CallbackReply:
    if balance is None:
        return _INTERNAL
    shown = _number(balance, provider)
    return CallbackReply(
        200, f'{{"balance":{shown},"tmp":0,"fish_remaining":0}}'.encode("ascii")
    )


def _balance(outcome: Outcome, provider: Provider) -> CallbackReply:
    if outcome.balance is None:
        return _INTERNAL
    is_counted = text_of(provider, "turn_over") == "lifetime" and outcome.turnover is not None
    turnover = outcome.turnover if is_counted else None
    body = (
        f'{{"balance":{_number(outcome.balance, provider)},"tmp":0,"fish_remaining":0,'
        f'"turn_over":{_number(turnover, provider) if turnover else 0},'
        f'"game_type":{json.dumps(text_of(provider, "game_type"))}}}'
    )
    return CallbackReply(200, body.encode("ascii"))


def _number(money: Money, provider: Provider) -> str:
    """A JSON number without trailing zeros, built from integers: ``291.59``, ``5``, ``0.5``."""
    text = money.text(exponents=provider.exponents)
    return text.rstrip("0").rstrip(".") if "." in text else text
