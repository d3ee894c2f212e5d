"""Replies to the sportsbook: HTTP 200 for all of them, and ``error`` says the rest.

``INTERNAL_ERROR`` is the only value that is not final: a result or a rollback comes again.
"""

from collections.abc import Mapping

from providers.contract import Provider
from providers.options import number_of, text_of
from vocabulary.outcomes import CallbackReply, Outcome, Verdict


def _error(code: str) -> bytes:
    return f'{{"error":"{code}"}}'.encode("ascii")


_INVALID = _error("INVALID_REQUEST")
_INTERNAL = _error("INTERNAL_ERROR")
_BAD_HASH = _error("INVALID_SECURITY_HASH")

_BODIES: Mapping[Verdict, bytes] = {
    Verdict.BALANCE: _INVALID,  # there is no balance call
    Verdict.DECLINED_BLOCKED: _error("USER_BLOCKED"),
    Verdict.CONFLICT: _error("TRANSACTION_CONFLICT"),
    Verdict.ROLLED_BACK: _error("TRANSACTION_ROLLED_BACK"),
    Verdict.BET_UNKNOWN: _error("TRANSACTION_NOT_FOUND"),
    Verdict.IRREVERSIBLE: _error("TRANSACTION_CONFLICT"),
    Verdict.PLAYER_UNKNOWN: _error("USER_NOT_FOUND"),
    Verdict.CURRENCY_WRONG: _error("INVALID_CURRENCY"),
    Verdict.RECORDED: b'{"error":null}',
    Verdict.MALFORMED: _INVALID,
    Verdict.NOT_AUTHENTIC: _BAD_HASH,
    Verdict.SIGNATURE_MISSING: _BAD_HASH,
    Verdict.ADDRESS_REFUSED: _INVALID,
    Verdict.TOO_LARGE: _INVALID,
    Verdict.TOO_SLOW: _INTERNAL,  # the body never arrived, so nothing about it is final
    Verdict.ROUTE_UNKNOWN: _INVALID,
    Verdict.METHOD_WRONG: _INVALID,
    Verdict.UNAVAILABLE: _INTERNAL,
}
_MOVED = frozenset({Verdict.ACCEPTED, Verdict.REPEATED})
_UNPROVEN = frozenset({Verdict.NOT_AUTHENTIC, Verdict.SIGNATURE_MISSING})


def respond(outcome: Outcome, provider: Provider) -> CallbackReply:
    """Write the reply to an outcome. Total: every verdict has one."""
    verdict = outcome.verdict
    if verdict in _MOVED:
        return _moved(outcome.transaction_id)
    if verdict is Verdict.DECLINED_FUNDS:
        return CallbackReply(200, _error(text_of(provider, "insufficient_funds_code")))
    status = number_of(provider, "bad_hash_status") if verdict in _UNPROVEN else 200
    return CallbackReply(status, _BODIES[verdict])


def _moved(transaction_id: str | None) -> CallbackReply:
    if transaction_id is None:
        return CallbackReply(200, _INTERNAL)
    body = f'{{"error":null,"transaction_id":"{transaction_id}"}}'
    return CallbackReply(200, body.encode("ascii"))
