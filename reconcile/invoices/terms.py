"""Compute the fee that a provider may claim for a period from its terms.

The computation is exact: amounts are integers of minor units, shares and rates are fractions.
Only the whole fee is rounded, once, to the invoice's minor unit: half away from zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from vocabulary.currencies import digits_of
from vocabulary.errors import Refused


class TermsIncomplete(Refused):
    """A fee cannot be computed: a currency that was played has no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A share of the part of GGR below ``up_to`` and above the previous tier.

    Attributes:
        up_to: in units (not minor units) of the invoice's currency; None: unlimited.
        share: 0 to 1.
    """

    up_to: Fraction | None
    share: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTerms:
    """The terms agreed with a provider.

    Attributes:
        currency: the invoice's.
        tiers: in ascending order; the last one is unlimited.
        minimum: of the whole fee, minor units; None: none.
        fixed: fees due whatever was played, by name, minor units.
        rates: units of the invoice's currency for one unit of another.
        apart: whether tiers apply to each currency separately.
        losses: whether the provider shares a negative GGR, or nothing is due.
        exclude_funds: bets paid by these funds are not GGR.
        exclude_games: games that do not count.
    """

    currency: str
    digits: int
    tiers: tuple[Tier, ...]
    minimum: int | None = None
    fixed: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, Fraction] = field(default_factory=dict)
    apart: bool = False
    losses: Literal["nothing", "shared"] = "nothing"
    exclude_funds: frozenset[str] = frozenset()
    exclude_games: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee and how it was computed, in minor units of the invoice's currency.

    Attributes:
        basis: GGR by currency, in minor units of that currency.
        converted: all of it in units of the invoice's currency, exact.
        shared: the share of GGR in units, exact and not rounded.
        minimum: whether the minimum fee applied.
    """

    basis: Mapping[str, int]
    converted: Fraction
    shared: Fraction
    fixed: int
    minimum: bool
    total: int


def fee_of(terms: FeeTerms, ggr: Mapping[str, int], exponents: Mapping[str, int]) -> Fee:
    """Compute the fee on GGR.

    Args:
        terms: agreed with the provider.
        ggr: by currency, in minor units.
        exponents: the provider's overrides of decimal places, for GGR only.

    Raises:
        TermsIncomplete: a currency has no rate.
    """
    units = {code: _converted(terms, code, minor, exponents) for code, minor in ggr.items()}
    converted = sum(units.values(), Fraction(0))
    shared = (
        sum((_share(terms, amount) for amount in units.values()), Fraction(0))
        if terms.apart
        else _share(terms, converted)
    )
    fixed = sum(terms.fixed.values())
    scale = 10**terms.digits
    total = rounded(shared * scale + fixed)
    return Fee(
        basis=dict(ggr),
        converted=converted,
        shared=shared,
        fixed=fixed,
        minimum=terms.minimum is not None and total < terms.minimum,
        total=total if terms.minimum is None else max(total, terms.minimum),
    )


def rounded(exact: Fraction) -> int:
    """Round to the nearest integer, half away from zero."""
    whole, rest = divmod(abs(exact), 1)
    nearest = int(whole) + (1 if 2 * rest >= 1 else 0)
    return -nearest if exact < 0 else nearest


def _converted(
    terms: FeeTerms, currency: str, minor: int, exponents: Mapping[str, int]
) -> Fraction:
    units = Fraction(minor, 10 ** digits_of(currency, exponents))
    if currency == terms.currency or not minor:
        return units
    if currency not in terms.rates:
        raise TermsIncomplete(
            f"the terms give no rate from {currency} to {terms.currency}: rates.{currency}"
        )
    return units * terms.rates[currency]


def _share(terms: FeeTerms, ggr: Fraction) -> Fraction:
    """Apply each tier's share to the part of GGR in it; a loss lies in the first tier."""
    if ggr < 0:
        return ggr * terms.tiers[0].share if terms.losses == "shared" else Fraction(0)
    shared, below = Fraction(0), Fraction(0)
    for tier in terms.tiers:
        top = ggr if tier.up_to is None else min(ggr, tier.up_to)
        if top > below:
            shared += (top - below) * tier.share
            below = top
    return shared
