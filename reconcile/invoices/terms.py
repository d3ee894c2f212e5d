"""What a provider may claim for a period: its terms, and the fee that follows from them.

Exact: amounts are integers of minor units, shares and rates are fractions, and there is one
rounding, of the whole fee, to the invoice's minor unit: half goes away from zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from vocabulary.errors import Refused
from vocabulary.money import exponent_of


class TermsIncomplete(Refused):
    """A fee cannot be computed: a currency that was played in has no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A share of the part of GGR that lies below ``up_to``, and above the tier before it.

    Attributes:
        up_to: in units (not minor units) of the invoice's currency; None: without end.
        share: 0 to 1.
    """

    up_to: Fraction | None
    share: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTerms:
    """What was agreed with a provider.

    Attributes:
        currency: the invoice's.
        tiers: in rising order; the last one without end.
        minimum: of the whole fee, minor units; None: none.
        fixed: what is due whatever was played, by name, minor units.
        rates: units of the invoice's currency for one unit of another.
        apart: tiers apply to each currency by itself, not to all of them together.
        losses: a negative GGR shares the loss, or nothing is due.
        exclude_funds: what these funds stand behind is no GGR.
        exclude_games: nor is what these games brought.
    """

    currency: str
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
    """A fee and how it comes about, in minor units of the invoice's currency.

    Attributes:
        basis: GGR by currency, in minor units of that currency.
        converted: all of it in units of the invoice's currency, exact.
        shared: the share of GGR in units, exact, before anything is rounded.
        minimum: whether the minimum decided.
    """

    basis: Mapping[str, int]
    converted: Fraction
    shared: Fraction
    fixed: int
    minimum: bool
    total: int


def fee_of(terms: FeeTerms, ggr: Mapping[str, int], exponents: Mapping[str, int]) -> Fee:
    """The fee on GGR by currency, in minor units.

    ``exponents`` are the provider's own digits of GGR; the fee has those of its currency.

    Raises:
        TermsIncomplete: a currency without a rate.
    """
    units = {code: _converted(terms, code, minor, exponents) for code, minor in ggr.items()}
    whole = sum(units.values(), Fraction(0))
    shared = (
        sum((_share(terms, each) for each in units.values()), Fraction(0))
        if terms.apart
        else _share(terms, whole)
    )
    fixed = sum(terms.fixed.values())
    scale = 10 ** exponent_of(terms.currency)
    total = rounded(shared * scale + fixed)
    return Fee(
        basis=dict(ggr),
        converted=whole,
        shared=shared,
        fixed=fixed,
        minimum=terms.minimum is not None and total < terms.minimum,
        total=total if terms.minimum is None else max(total, terms.minimum),
    )


def rounded(exact: Fraction) -> int:
    """The nearest whole number; half goes away from zero."""
    whole, rest = divmod(abs(exact), 1)
    nearest = int(whole) + (1 if 2 * rest >= 1 else 0)
    return -nearest if exact < 0 else nearest


def _converted(
    terms: FeeTerms, currency: str, minor: int, exponents: Mapping[str, int]
) -> Fraction:
    units = Fraction(minor, 10 ** exponent_of(currency, exponents))
    if currency == terms.currency or not minor:
        return units
    if currency not in terms.rates:
        raise TermsIncomplete(
            f"the terms give no rate from {currency} to {terms.currency}: rates.{currency}"
        )
    return units * terms.rates[currency]


def _share(terms: FeeTerms, ggr: Fraction) -> Fraction:
    """Each tier's share of the part of GGR that lies in it; a loss lies in the first."""
    if ggr < 0:
        return ggr * terms.tiers[0].share if terms.losses == "shared" else Fraction(0)
    shared, below = Fraction(0), Fraction(0)
    for tier in terms.tiers:
        top = ggr if tier.up_to is None else min(ggr, tier.up_to)
        if top > below:
            shared += (top - below) * tier.share
            below = top
    return shared
