"""What we ourselves ask of a wallet: through the same chain as a provider's callback."""

from dataclasses import dataclass
from hashlib import blake2b

from vocabulary.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money comes in from outside. ``amount`` is positive."""

    key: str
    handle: str
    amount: Money
    reason: str


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


Order = Deposit | Withdrawal | SetBlocked


def order_fingerprint(order: Order) -> bytes:
    """16 bytes that are equal exactly for the same order."""
    match order:
        case Deposit() | Withdrawal():
            what = (type(order).__name__, str(order.amount.minor), order.amount.currency)
            return _digest(*what, order.key, order.handle)
        case SetBlocked():
            return _digest(
                "SetBlocked", str(order.blocked), order.currency, order.key, order.handle
            )


def _digest(*parts: str) -> bytes:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
