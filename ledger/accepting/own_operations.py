"""What we ourselves ask of a wallet: through the same chain as a provider's callback."""

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
    """Money comes in from outside, or from the fund named. ``amount`` is positive."""

    key: str
    handle: str
    amount: Money
    reason: str
    fund: Fund = Fund.CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Money goes out, if it is there. ``amount`` is positive."""

    key: str
    handle: str
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBlocked:
    """Refuse, or allow again, the player's bets in one currency.

    It takes a place in the wallet's chain, so no receiver can decide a bet on the old state.
    """

    key: str
    handle: str
    currency: str
    blocked: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """The player shuts themselves out until an instant; never shortened by a later one."""

    key: str
    handle: str
    currency: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What the player may stake, turn over and lose in a business day; None lifts it."""

    key: str
    handle: str
    currency: str
    stake: int | None
    turnover: int | None
    loss: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InRound:
    """The provider's round that a correction belongs to, and the figure it corrects."""

    provider: str
    round_id: str
    side: Literal["stake", "payout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """A correction that two people agreed on; may leave the player owing.

    Attributes:
        amount: signed, to the player.
        within: None books it against the adjustment account or the fund. A round takes it as
            its own stake or payout: it then stands under the provider's slug, and closes the
            round, because a correction is the last word about it.
    """

    key: str
    handle: str
    amount: Money
    reason: str
    fund: Fund = Fund.CASH
    within: InRound | None = None


OwnOperation = Deposit | Withdrawal | SetBlocked | Exclude | Limit | Adjust
_KINDS = (Deposit, Withdrawal, SetBlocked, Exclude, Limit, Adjust)
_ORDERS: Mapping[str, type[OwnOperation]] = {kind.__name__: kind for kind in _KINDS}


def own_operation_fingerprint(order: OwnOperation) -> bytes:
    """16 bytes that are equal exactly for the same order."""
    return _digest(*_told(order), order.key, order.handle)


def own_operation_bytes(order: OwnOperation) -> bytes:
    """The order as the evidence kept with its operation."""
    told = {"order": type(order).__name__, **msgspec.to_builtins(order)}
    return msgspec.json.encode(told)


def own_operation_from_bytes(body: bytes) -> OwnOperation:
    """Read what ``own_operation_bytes`` wrote.

    Raises:
        ValueError: the bytes are not an order of ours.
    """
    told = msgspec.json.decode(body, type=dict[str, object])
    kind = _ORDERS.get(str(told.pop("order", "")))
    if kind is None:
        raise ValueError("an order of one of our own kinds is expected")
    return msgspec.convert(told, type=kind)


def _told(order: OwnOperation) -> tuple[str, ...]:
    match order:
        case Deposit():
            what = ("Deposit", str(order.amount.minor), order.amount.currency)
            return what if order.fund is Fund.CASH else (*what, str(order.fund))
        case Withdrawal():
            return ("Withdrawal", str(order.amount.minor), order.amount.currency)
        case SetBlocked():
            return ("SetBlocked", str(order.blocked), order.currency)
        case Exclude():
            return ("Exclude", order.until.isoformat(), order.currency)
        case Limit():
            limits = (str(order.stake), str(order.turnover), str(order.loss))
            return ("Limit", *limits, order.currency)
        case Adjust():
            money = (str(order.amount.minor), order.amount.currency, str(order.fund))
            at = order.within
            where = ("",) if at is None else (at.provider, at.round_id, at.side)
            return ("Adjust", *money, *where)


def _digest(*parts: str) -> bytes:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
