"""Reading an answer as the provider would: what became of the call, or send it again?"""

import json
from dataclasses import dataclass
from decimal import Decimal

from simulator.protocol.messages import ASKING, CallKind, ProviderSystem, ReplyKind
from vocabulary.errors import Malformed
from vocabulary.money import exponent_of, minor_from_text

#: Replies that mean "our fault, send it again": any 5xx, and these.
RETRYABLE_STATUS = frozenset({408, 425, 429})
_INTERNAL = "INTERNAL_ERROR"

#: Refusals that are an answer about the player's means, by the text that the sheets give.
_DECLINES = frozenset(
    {
        "Insufficient balance",
        "User blocked",
        "INSUFFICIENT_FUNDS",
        "INSUFFICENT_FUNDS",
        "USER_BLOCKED",
        "insufficient_funds",
        "player_blocked",
    }
)
_CONFLICTS = frozenset(
    {"Duplicate transaction mismatch", "TRANSACTION_CONFLICT", "duplicate_transaction"}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        seen: None when it says nothing a provider could act on.
        balance: the balance it names in minor units, or None.
    """

    seen: ReplyKind | None
    balance: int | None


def is_retryable(reply: Reply) -> bool:
    """Whether a provider would send the same bytes again."""
    if reply.status >= 500 or reply.status in RETRYABLE_STATUS:
        return True
    document = _document(reply)
    return document is not None and document.get("error") == _INTERNAL


def read(reply: Reply, *, side: ProviderSystem, kind: CallKind, currency: str) -> Reading:
    """Read a final answer as the given side does."""
    document = _document(reply)
    if document is None:
        return Reading(None, None)
    error = document.get("error")
    if error is not None and not isinstance(error, str):
        return Reading(None, None)
    if error in _DECLINES:
        return Reading(ReplyKind.DECLINED, None)
    if error in _CONFLICTS:
        return Reading(ReplyKind.CONFLICT, None)
    if error is not None or reply.status != 200:
        return Reading(ReplyKind.REFUSED, None)
    if side is ProviderSystem.SPORTSBOOK:
        return Reading(ReplyKind.SUCCESS if document.get("transaction_id") else None, None)
    balance = _minor(_named_balance(document, side), currency)
    if balance is None:
        return Reading(None, None)
    asked = kind is CallKind.BALANCE and side in ASKING
    return Reading(ReplyKind.BALANCE if asked else ReplyKind.SUCCESS, balance)


def _named_balance(document: dict[str, object], side: ProviderSystem) -> object:
    """What stands where this side looks for the balance."""
    if side is ProviderSystem.AGGREGATOR:
        return document.get("balance")
    if side is ProviderSystem.XIGS and document.get("status") != "success":
        return None
    inner = document.get("content" if side is ProviderSystem.AGENT_PLATFORM else "data")
    return inner.get("balance") if isinstance(inner, dict) else None


def _document(reply: Reply) -> dict[str, object] | None:
    try:
        document = json.loads(reply.body, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _minor(amount: object, currency: str) -> int | None:
    if not isinstance(amount, Decimal):
        return None
    try:
        return minor_from_text(f"{amount:f}", exponent_of(currency))
    except Malformed:
        return None
