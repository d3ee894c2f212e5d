"""The fee terms of the settings as values of the invoice check."""

from fractions import Fraction

from ops.settings.sections.fees import TermsSettings
from reconcile.invoices.terms import FeeTerms, Tier
from vocabulary.currencies import Exponents, digits_of, outside_iso
from vocabulary.money import minor_from_text


def fee_terms(terms: TermsSettings, exponents: Exponents) -> FeeTerms:
    """Convert the terms to exact fractions and minor units.

    ``exponents`` are the provider's; fees are in the digits of ISO 4217, where it has some.
    """
    digits = digits_of(terms.currency, outside_iso(exponents))
    return FeeTerms(
        currency=terms.currency,
        digits=digits,
        tiers=tuple(
            Tier(
                up_to=None if tier.up_to is None else Fraction(tier.up_to),
                share=Fraction(tier.share) / 100,
            )
            for tier in terms.tiers
        ),
        minimum=None if terms.minimum is None else minor_from_text(terms.minimum, digits),
        fixed={name: minor_from_text(amount, digits) for name, amount in terms.fixed.items()},
        rates={code: Fraction(rate) for code, rate in terms.rates.items()},
        apart=terms.tiers_apply == "by_currency",
        losses=terms.losses,
        exclude_funds=frozenset(terms.exclude_funds),
        exclude_games=frozenset(terms.exclude_games),
    )
