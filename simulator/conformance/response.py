"""Reading a reply strictly: what it says, and whether it says too much."""

import json
from dataclasses import dataclass

from simulator.conformance.messages import declines_name_balance
from simulator.conformance.target import ConformanceTarget
from simulator.protocol import responses
from simulator.protocol.messages import CallKind, ReplyKind
from simulator.protocol.responses import Reply, is_retryable
from vocabulary.errors import Malformed
from vocabulary.money import minor_from_text, text_from_minor

#: Characters of a reply that are shown.
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """One reply as the provider would understand it.

    Attributes:
        reply: None where the connection was closed without a reply.
        seen: None where it says nothing that could be acted on, or asks to try again.
        balance: the balance it names, in minor units; also of a decline that has to name it.
    """

    reply: Reply | None
    seen: ReplyKind | None
    balance: int | None

    @property
    def shown(self) -> str:
        """The reply in one line."""
        if self.reply is None:
            return "no answer"
        body = self.reply.body.decode("utf-8", "replace")
        text = "".join(c if c.isprintable() else "·" for c in body)
        return f"{self.reply.status} {text[:SHOWN_MAX]}"

    @property
    def is_bare(self) -> bool:
        """Whether it names no balance anywhere, or is a decline that has to name one."""
        if self.seen is ReplyKind.DECLINED and self.balance is not None:
            return True
        return self.reply is None or not _names_balance(_document(self.reply))

    @property
    def turns_away(self) -> bool:
        """Whether a message that is not one was refused, in whatever words."""
        if self.reply is None:
            return True
        plainly = _document(self.reply) is None and 400 <= self.reply.status < 500
        return self.seen is ReplyKind.REFUSED or plainly


def understand(
    reply: Reply | None, target: ConformanceTarget, kind: CallKind
) -> ProviderResponse:
    """Read the reply to a call of this kind."""
    system = target.system
    if reply is None or is_retryable(reply, system.replies):
        return ProviderResponse(reply, None, None)
    reading = responses.read(reply, system=system, kind=kind, configuration=target)
    is_refusal = reading.seen in {ReplyKind.DECLINED, ReplyKind.CONFLICT, ReplyKind.REFUSED}
    if reading.seen is ReplyKind.DECLINED and declines_name_balance(target):
        return ProviderResponse(reply, reading.seen, _balance(_document(reply), target))
    if is_refusal or not system.names_balance:
        return ProviderResponse(reply, reading.seen, None)
    balance = _balance(_document(reply), target)
    if balance is None:
        return ProviderResponse(reply, None, None)
    return ProviderResponse(
        reply, ReplyKind.BALANCE if kind is CallKind.BALANCE else ReplyKind.SUCCESS, balance
    )


def _balance(document: object, target: ConformanceTarget) -> int | None:
    """From integers: our own digits of the currency, and text where numbers are texts."""
    text = target.system.replies.success(document) if isinstance(document, dict) else None
    scale = target.system.replies.scale(target)
    if not isinstance(text, str) or (scale and not text.lstrip("-").isdecimal()):
        return None
    try:
        text = text_from_minor(int(text), scale) if scale else text
        return minor_from_text(text, target.exponent)
    except Malformed:
        return None


def _document(reply: Reply) -> object:
    """The body with numbers as text; None for what is not JSON."""
    try:
        document: object = json.loads(reply.body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return document


def _names_balance(value: object) -> bool:
    if isinstance(value, dict):
        return "balance" in value or any(map(_names_balance, value.values()))
    return isinstance(value, list) and any(map(_names_balance, value))
