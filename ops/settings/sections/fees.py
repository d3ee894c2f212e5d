"""Settings of a provider's fee terms, by which its invoices are checked."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from ops.settings.values import CurrencyCode, Section, WrongParts, named_exponents
from vocabulary.currencies import digits_of, outside_iso
from vocabulary.errors import Malformed
from vocabulary.money import AMOUNT_CHARS_MAX, minor_from_text

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


def _decimal(value: object) -> object:
    """Require plain decimal text: a number in the file would be a float.

    An exponent is refused: the exact fraction of 1e999999999 does not fit into any memory.
    """
    is_plain = isinstance(value, str) and len(value) <= AMOUNT_CHARS_MAX
    if not is_plain or _PLAIN.fullmatch(str(value)) is None:
        raise ValueError('a decimal in quotes, such as "12.5", not below zero')
    return value


DecimalText = Annotated[str, BeforeValidator(_decimal)]
FundName = Literal["free_round", "bonus", "jackpot", "promo", "difference", "suspense"]


class TierSettings(Section):
    """A share of the part of GGR that lies in this tier.

    Attributes:
        up_to: units of the terms' currency; the last tier has none.
        share: percent.
    """

    up_to: DecimalText | None = None
    share: DecimalText


class TermsSettings(Section):
    """The terms of a provider's invoices. Amounts are decimal text in ``currency``.

    Attributes:
        tiers: in rising order.
        minimum: of the whole fee; unset: none.
        fixed: amounts that are due in any case, by name.
        rates: units of ``currency`` for one unit of another.
        tiers_apply: to all currencies together, or to each by itself.
        losses: whether a negative GGR is shared, or nothing is due.
        exclude_funds: funds whose bets do not count as GGR.
        exclude_games: games that do not count as GGR.
    """

    currency: CurrencyCode
    tiers: tuple[TierSettings, ...]
    minimum: DecimalText | None = None
    fixed: Mapping[str, DecimalText] = Field(default_factory=dict)
    rates: Mapping[CurrencyCode, DecimalText] = Field(default_factory=dict)
    tiers_apply: Literal["together", "by_currency"] = "together"
    losses: Literal["nothing", "shared"] = "nothing"
    exclude_funds: tuple[FundName, ...] = ()
    exclude_games: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self, info: ValidationInfo) -> "TermsSettings":
        digits = digits_of(self.currency, outside_iso(named_exponents(info)))
        wrong = [*_wrong_tiers(self.tiers), *_wrong_amounts(self, digits)]
        if wrong:
            raise WrongParts(wrong)
        return self


def _wrong_tiers(tiers: tuple[TierSettings, ...]) -> list[tuple[str, str]]:
    if not tiers or tiers[-1].up_to is not None:
        return [("tiers", "at least one, the last of them without up_to")]
    bounds = [None if tier.up_to is None else Decimal(tier.up_to) for tier in tiers[:-1]]
    last = Decimal(0)
    for number, bound in enumerate(bounds):
        if bound is None or bound <= last:
            return [(f"tiers.{number}.up_to", "more than the tier before it")]
        last = bound
    return [
        (f"tiers.{number}.share", "a percentage of 100 at most")
        for number, tier in enumerate(tiers)
        if Decimal(tier.share) > 100
    ]


def _wrong_amounts(terms: TermsSettings, digits: int) -> list[tuple[str, str]]:
    amounts = {f"fixed.{name}": amount for name, amount in terms.fixed.items()}
    if terms.minimum is not None:
        amounts["minimum"] = terms.minimum
    wrong = []
    for key, amount in amounts.items():
        try:
            minor_from_text(amount, digits)
        except Malformed:
            wrong.append((key, f"an amount of {terms.currency} such as 100.00"))
    rates = {code: rate for code, rate in terms.rates.items() if not Decimal(rate)}
    return [*wrong, *((f"rates.{code}", "a rate above zero") for code in rates)]
