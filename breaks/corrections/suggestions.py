"""The corrections that follow from a break: they make both rounds equal. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from breaks.kinds import BreakKind
from breaks.states import ActionRefused
from breaks.store import TrackedBreak
from vocabulary.currencies import digits_of
from vocabulary.money import minor_from_text

RoundSide = Literal["stake", "payout"]
_BOTH: tuple[RoundSide, ...] = ("stake", "payout")
#: The sides of our round that a break of this kind shows to be wrong.
_SIDES: Mapping[BreakKind, tuple[RoundSide, ...]] = MappingProxyType(
    {
        BreakKind.MISSING_IN_LEDGER: _BOTH,
        BreakKind.MISSING_AT_PROVIDER: _BOTH,
        BreakKind.UNANSWERED: _BOTH,
        BreakKind.STATUS: _BOTH,
        BreakKind.STAKE: ("stake",),
        BreakKind.PAYOUT: ("payout",),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Signed minor units to the player; side None: against the adjustment account."""

    amount: int
    side: RoundSide | None


def suggested_corrections(
    break_: TrackedBreak, exponents: Mapping[str, int]
) -> tuple[Correction, ...]:
    """The corrections that make our round equal to the provider's.

    ``exponents`` are the provider's, in which both sides are written.

    Raises:
        ActionRefused: nothing in our round is known to be wrong.
    """
    exponent = digits_of(break_.currency, exponents)
    amounts = {
        side: _amount_owed(break_, side, exponent) for side in _SIDES.get(break_.kind, ())
    }
    if not any(amounts.values()) or sum(amounts.values()) != break_.difference:
        raise ActionRefused(
            f"{break_.break_id} is {break_.kind}: no correction can be derived from it; explain"
            " the break, or name the amount and the side"
        )
    return tuple(
        Correction(amount=amount, side=side) for side, amount in amounts.items() if amount
    )


def _amount_owed(break_: TrackedBreak, side: RoundSide, exponent: int) -> int:
    """The amount the player is owed on this side: more payout than we booked, or less stake."""
    theirs = _amount(break_.theirs, side, exponent)
    ours = _amount(break_.ours, side, exponent)
    return ours - theirs if side == "stake" else theirs - ours


def _amount(values: Mapping[str, object] | None, side: RoundSide, exponent: int) -> int:
    return 0 if values is None else minor_from_text(str(values[side]), exponent, path=side)
