"""Our own operations: deposits, withdrawals, restrictions and corrections.

They take positions in the same chain as the operations of providers' callbacks. The class names
and fields are part of the stored evidence: renaming one makes old operations unreadable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec

from vocabulary.facts import Fund
from vocabulary.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money comes in from outside or from a fund. ``amount`` is positive."""

    key: str
    handle: str
    amount: Money
    reason: str
    fund: Fund = Fund.CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Money goes out; declined if the balance is too small. ``amount`` is positive."""

    key: str
    handle: str
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBlocked:
    """Refuse the player's bets in one currency, or allow them again.

    It takes a position in the wallet's chain, so no receiver can decide a bet on the old state.
    """

    key: str
    handle: str
    currency: str
    blocked: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """The player excludes themselves until an instant; a later one never shortens it."""

    key: str
    handle: str
    currency: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most per stake, and per business day for turnover and loss; None lifts a limit."""

    key: str
    handle: str
    currency: str
    stake: int | None
    turnover: int | None
    loss: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InRound:
    """The provider's round that a correction belongs to, and the amount it corrects."""

    provider: str
    round_id: str
    side: Literal["stake", "payout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """A correction that two people agreed on; the balance may fall below zero.

    Attributes:
        amount: signed, to the player. within: None books it against the adjustment account or
        the fund. With a round it is that
            round's own stake or payout: it is booked under the provider's slug and ends the
            round, because a correction is the last operation of a round.
    """

    key: str
    handle: str
    amount: Money
    reason: str
    fund: Fund = Fund.CASH
    within: InRound | None = None


OwnOperation = Deposit | Withdrawal | SetBlocked | Exclude | Limit | Adjust
_KINDS = (Deposit, Withdrawal, SetBlocked, Exclude, Limit, Adjust)
_KIND_BY_NAME: Mapping[str, type[OwnOperation]] = {kind.__name__: kind for kind in _KINDS}


def own_operation_fingerprint(operation: OwnOperation) -> bytes:
    """16 bytes that are equal exactly for equal operations; the reason does not count."""
    parts = (*_content(operation), operation.key, operation.handle)
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()


def own_operation_bytes(operation: OwnOperation) -> bytes:
    """The operation as JSON; stored with it as evidence."""
    document = {"order": type(operation).__name__, **msgspec.to_builtins(operation)}
    return msgspec.json.encode(document)


def own_operation_from_bytes(body: bytes) -> OwnOperation:
    """Read what ``own_operation_bytes`` wrote.

    Raises:
        ValueError: the bytes are not one of our own operations.
    """
    document = msgspec.json.decode(body, type=dict[str, object])
    kind = _KIND_BY_NAME.get(str(document.pop("order", "")))
    if kind is None:
        raise ValueError(f"an order is expected, one of {', '.join(_KIND_BY_NAME)}")
    return msgspec.convert(document, type=kind)


def _content(operation: OwnOperation) -> tuple[str, ...]:
    match operation:
        case Deposit(amount=amount, fund=fund):
            # Deposits of cash had fingerprints before funds existed: cash adds nothing.
            fund_part = () if fund is Fund.CASH else (str(fund),)
            return ("Deposit", str(amount.minor), amount.currency, *fund_part)
        case Withdrawal(amount=amount):
            return ("Withdrawal", str(amount.minor), amount.currency)
        case SetBlocked():
            return ("SetBlocked", str(operation.blocked), operation.currency)
        case Exclude():
            return ("Exclude", operation.until.isoformat(), operation.currency)
        case Limit():
            limits = (str(operation.stake), str(operation.turnover), str(operation.loss))
            return ("Limit", *limits, operation.currency)
        case Adjust(amount=amount, fund=fund, within=within):
            round_side = (
                ("",) if within is None else (within.provider, within.round_id, within.side)
            )
            return ("Adjust", str(amount.minor), amount.currency, str(fund), *round_side)
