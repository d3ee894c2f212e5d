"""Reading a reply as the provider would: what became of the call, or send it again?"""

import json
from dataclasses import dataclass
from decimal import Decimal

from simulator.protocol.configuration import Configuration
from simulator.protocol.messages import CallKind, ReplyKind
from simulator.protocol.system import ReplyFormat, System
from vocabulary.errors import Malformed
from vocabulary.money import minor_from_text

#: Statuses that mean "our fault, send it again", besides any 5xx.
RETRYABLE_STATUS = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        seen: None when it says nothing a provider could act on.
        balance: the balance it names in minor units, or None.
    """

    seen: ReplyKind | None
    balance: int | None


UNREADABLE = Reading(None, None)


def is_retryable(reply: Reply, replies: ReplyFormat) -> bool:
    """Whether a provider would send the same bytes again."""
    if reply.status >= 500 or reply.status in RETRYABLE_STATUS:
        return True
    document = _document(reply)
    return document is not None and replies.error(document) in replies.try_again


def read(
    reply: Reply, *, system: System, kind: CallKind, configuration: Configuration
) -> Reading:
    """Read a final reply as the system does."""
    document = _document(reply)
    if document is None:
        return UNREADABLE
    error = system.replies.error(document)
    if error is not None and not isinstance(error, str):
        return UNREADABLE
    if error in system.replies.declines:
        return Reading(ReplyKind.DECLINED, None)
    if error in system.replies.conflicts:
        return Reading(ReplyKind.CONFLICT, None)
    if error is not None or reply.status != 200:
        return Reading(ReplyKind.REFUSED, None)
    proof = system.replies.success(document)
    if not system.names_balance:
        return Reading(ReplyKind.SUCCESS if proof else None, None)
    balance = _minor(proof, system.replies.scale(configuration), configuration.exponent)
    if balance is None:
        return UNREADABLE
    is_query = kind is CallKind.BALANCE and system.asks_balances
    return Reading(ReplyKind.BALANCE if is_query else ReplyKind.SUCCESS, balance)


def _document(reply: Reply) -> dict[str, object] | None:
    try:
        document = json.loads(reply.body, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _minor(amount: object, scale: int, exponent: int) -> int | None:
    if not isinstance(amount, Decimal):
        return None
    try:
        return minor_from_text(f"{amount.scaleb(-scale):f}", exponent)
    except Malformed:
        return None
