"""Amounts by currency in settings."""

from collections.abc import Mapping

from ops.settings.values import CurrencyCode
from vocabulary.errors import Malformed
from vocabulary.money import Money

#: Amounts by currency, as decimal strings.
Amounts = Mapping[CurrencyCode, str]


def wrong_amounts(amounts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with decimal strings, by currency."""
    wrong = []
    for code, text in amounts.items():
        try:
            positive = Money.parse(text, code).minor >= 0
        except Malformed as error:
            wrong.append((code, error.reason))
        else:
            wrong += [] if positive else [(code, "an amount that is not negative")]
    return wrong
