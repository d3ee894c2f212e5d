"""What a break does on two axes: between us and the player, and between us and the provider.

``difference`` is always what the provider says the player should have, less what we gave. Not
every difference is owed to somebody: a record that the provider counts twice moves no player's
money, and a wallet below zero is on no invoice. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from breaks.kinds import BreakKind, Impact, impact_of


class Axes(StrEnum):
    """Whose money a kind of break concerns."""

    BOTH = "both"
    PLAYER = "player"
    PROVIDER = "provider"
    NEITHER = "neither"


class InvoiceImpact(StrEnum):
    """What a break does to the provider's GGR, on which its invoice rests."""

    HIGHER = "invoice_higher"
    LOWER = "invoice_lower"
    NONE = "none"


_K = BreakKind
_BOTH = (
    *(_K.MISSING_IN_LEDGER, _K.MISSING_AT_PROVIDER, _K.CURRENCY, _K.AMBIGUOUS, _K.STATUS),
    *(_K.STAKE, _K.PAYOUT, _K.DUPLICATE_IN_LEDGER, _K.UNANSWERED, _K.ID_SPELLING),
)
#: The provider's history agrees with our books, or says nothing: no invoice counts it.
_PLAYER = (_K.ROUND_TOTAL, _K.DELIVERY_MISSING, _K.BALANCE_GAP, _K.NEGATIVE_BALANCE)
#: The wallet is right: only what the provider counts differs.
_PROVIDER = (_K.DUPLICATE_AT_PROVIDER, _K.RESTATED)
#: These say that something is wrong, not that an amount is.
_NEITHER = (
    *(_K.PLAYER, _K.ARITHMETIC, _K.LATE_ORIGINAL, _K.ORPHAN_ROLLBACK),
    *(_K.IDEMPOTENCY_CONFLICT, _K.DELIVERY_DISPUTED, _K.OPEN_OVERDUE, _K.UNPARSABLE),
)
#: The axes of every kind; a test keeps the table complete.
AXES: Mapping[BreakKind, Axes] = MappingProxyType(
    {
        **dict.fromkeys(_BOTH, Axes.BOTH),
        **dict.fromkeys(_PLAYER, Axes.PLAYER),
        **dict.fromkeys(_PROVIDER, Axes.PROVIDER),
        **dict.fromkeys(_NEITHER, Axes.NEITHER),
    }
)


class Effects(NamedTuple):
    """What a break does, in signed minor units.

    Attributes:
        player: positive if we owe the player, negative if the player owes us.
        invoice: the provider's GGR less ours because of it; positive if its invoice is higher
            than our books justify.
    """

    player: int
    invoice: int


def effects_of(kind: BreakKind, difference: int) -> Effects:
    """What a break of this kind and difference does on each axis."""
    axes = AXES[kind]
    return Effects(
        player=difference if axes in {Axes.BOTH, Axes.PLAYER} else 0,
        invoice=-difference if axes in {Axes.BOTH, Axes.PROVIDER} else 0,
    )


def player_impact(kind: BreakKind, difference: int) -> Impact:
    """Who is owed, the player or we."""
    return impact_of(effects_of(kind, difference).player)


def invoice_impact(kind: BreakKind, difference: int) -> InvoiceImpact:
    """Whether the provider's invoice is higher or lower than our books justify."""
    invoice = effects_of(kind, difference).invoice
    if invoice == 0:
        return InvoiceImpact.NONE
    return InvoiceImpact.HIGHER if invoice > 0 else InvoiceImpact.LOWER
