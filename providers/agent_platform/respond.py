"""Replies to the agent platform: a balance under ``content``, or an error code.

Only the two forms of a reply are documented. The codes follow the style of the platform's own
error table and are assumptions, and so are their statuses; any status but 200 is a failure.
"""

import json
from collections.abc import Mapping

from providers.contract import Provider
from providers.options import number_of
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict


def _error(status: int, code: str, message: str) -> CallbackReply:
    body = json.dumps({"error": code, "message": message}, separators=(",", ":"))
    return CallbackReply(status, body.encode("ascii"))


_FUNDS = "insufficient_funds"
_INTERNAL = _error(500, "internal_error", "Internal error, try again")

_ERRORS: Mapping[Verdict, CallbackReply] = {
    Verdict.DECLINED_FUNDS: _error(400, _FUNDS, "Insufficient funds"),
    Verdict.DECLINED_BLOCKED: _error(403, "player_blocked", "Player is blocked"),
    Verdict.CONFLICT: _error(409, "duplicate_transaction", "Known id with other content"),
    Verdict.ROLLED_BACK: _error(409, "transaction_rolled_back", "Transaction was rolled back"),
    Verdict.BET_UNKNOWN: _error(404, "transaction_not_found", "Transaction not found"),
    Verdict.IRREVERSIBLE: _error(
        409, "transaction_not_reversible", "Transaction cannot be rolled back"
    ),
    Verdict.PLAYER_UNKNOWN: _error(404, "player_not_found", "Player not found"),
    Verdict.CURRENCY_WRONG: _error(422, "invalid_currency", "Currency not supported"),
    Verdict.MALFORMED: _error(422, "validation_error", "Validation error"),
    Verdict.NOT_AUTHENTIC: _error(403, "invalid_signature", "Invalid request signature"),
    Verdict.SIGNATURE_MISSING: _error(401, "signature_required", "X-Signature is missing"),
    Verdict.ADDRESS_REFUSED: _error(403, "address_not_allowed", "Address not allowed"),
    Verdict.TOO_LARGE: _error(413, "request_too_large", "Request too large"),
    Verdict.TOO_SLOW: _error(408, "request_timeout", "Request timeout"),
    Verdict.ROUTE_UNKNOWN: _error(404, "not_found", "Not found"),
    Verdict.METHOD_WRONG: _error(405, "method_not_allowed", "Method not allowed"),
    Verdict.UNAVAILABLE: _INTERNAL,
}
_SUCCESS = frozenset({Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED})


def respond(outcome: Outcome, provider: Provider) -> CallbackReply:
    """Write the reply to an outcome. Total: every verdict has one."""
    verdict = outcome.verdict
    if verdict in _SUCCESS:
        return _balance(outcome.balance, provider)
    if verdict is Verdict.RECORDED:  # there is no history callback
        return CallbackReply(200, b'{"content":{}}')
    error = _ERRORS[verdict]
    if verdict is Verdict.DECLINED_FUNDS:
        return CallbackReply(number_of(provider, "insufficient_funds_status"), error.body)
    return error


def _balance(balance: Money | None, provider: Provider) -> CallbackReply:
    """All digits of the currency, as in the document's ``1000.50``; made from integers."""
    if balance is None:
        return _INTERNAL
    shown = balance.text(exponents=provider.exponents)
    return CallbackReply(200, f'{{"content":{{"balance":{shown}}}}}'.encode("ascii"))
