"""Replies to the platform: its own envelope, with a status and a code that gives the reason.

Nothing of this is documented for webhooks. No refusal carries ``data``: a caller that only
reads the balance must not take a decline for a success.
"""

from collections.abc import Mapping

from providers.contract import Provider
from providers.options import text_of
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict


def _error(status: int, code: str, message: str) -> CallbackReply:
    body = f'{{"status":"error","error":"{code}","message":"{message}"}}'
    return CallbackReply(status, body.encode("ascii"))


#: Nothing is known to have gone wrong for the provider: it may ask again.
_INTERNAL = _error(500, "INTERNAL_ERROR", "Internal error, try again")
_BAD_SIGNATURE = _error(401, "INVALID_SIGNATURE", "The signature does not hold")

_ERRORS: Mapping[Verdict, CallbackReply] = {
    Verdict.DECLINED_FUNDS: _error(402, "INSUFFICIENT_FUNDS", "The balance does not cover it"),
    Verdict.DECLINED_BLOCKED: _error(403, "USER_BLOCKED", "The user may not play"),
    Verdict.CONFLICT: _error(409, "TRANSACTION_CONFLICT", "Known with other content"),
    Verdict.ROLLED_BACK: _error(409, "ROUND_CANCELLED", "The round was cancelled"),
    Verdict.BET_UNKNOWN: _error(404, "ROUND_NOT_FOUND", "The round was never opened"),
    Verdict.IRREVERSIBLE: _error(409, "TRANSACTION_CONFLICT", "Not reversible"),
    Verdict.PLAYER_UNKNOWN: _error(404, "USER_NOT_FOUND", "The user is not known"),
    Verdict.CURRENCY_WRONG: _error(400, "INVALID_CURRENCY", "Not a currency of the user"),
    Verdict.MALFORMED: _error(400, "INVALID_REQUEST", "The payload was not understood"),
    Verdict.NOT_AUTHENTIC: _BAD_SIGNATURE,
    Verdict.SIGNATURE_MISSING: _BAD_SIGNATURE,
    Verdict.ADDRESS_REFUSED: _error(403, "ADDRESS_REFUSED", "The address is not allowed"),
    Verdict.TOO_LARGE: _error(413, "REQUEST_TOO_LARGE", "The body is too large"),
    Verdict.TOO_SLOW: _error(408, "REQUEST_TIMEOUT", "The body never arrived"),
    Verdict.ROUTE_UNKNOWN: _error(404, "NOT_FOUND", "Nothing is served here"),
    Verdict.METHOD_WRONG: _error(405, "METHOD_NOT_ALLOWED", "POST is expected"),
    Verdict.UNAVAILABLE: _INTERNAL,
}
#: A balance query does not exist here; its reply would be the same.
_MOVED = frozenset({Verdict.ACCEPTED, Verdict.REPEATED, Verdict.BALANCE})


def respond(outcome: Outcome, provider: Provider) -> CallbackReply:
    """Write the reply to an outcome. Total: every verdict has one."""
    verdict = outcome.verdict
    if verdict in _MOVED:
        return _moved(outcome.balance, provider)
    if verdict is Verdict.RECORDED:
        return CallbackReply(200, b'{"status":"success","data":{}}')
    return _ERRORS[verdict]


def _moved(balance: Money | None, provider: Provider) -> CallbackReply:
    if balance is None:
        return _INTERNAL
    shown = _shown(balance, provider)
    return CallbackReply(
        200, f'{{"status":"success","data":{{"balance":{shown}}}}}'.encode("ascii")
    )


def _shown(money: Money, provider: Provider) -> str:
    """The balance from integers: text ``"291.50"``, or a number without trailing zeros."""
    text = money.text(exponents=provider.exponents)
    if text_of(provider, "balance_type") == "text":
        return f'"{text}"'
    return text.rstrip("0").rstrip(".") if "." in text else text
