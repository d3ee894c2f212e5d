"""The hub's amounts: whole numbers of a fixed fraction of the currency, by default 1/100000.

What an amount says beyond the currency's smallest unit is refused, never rounded. A balance of
a currency that is finer than the fraction is shown rounded down, so that no player is told of
more than there is; nothing is booked by it.
"""

import re

from providers.contract import Provider
from providers.options import number_of
from providers.wire.decode import Json
from providers.wire.fields import is_number
from vocabulary.currencies import digits_of
from vocabulary.errors import Malformed
from vocabulary.money import Money, minor_from_text, text_from_minor

_WHOLE = re.compile(r"0|[1-9][0-9]{0,25}", re.ASCII)


def stated_amount(value: Json, currency: str, provider: Provider, *, path: str) -> Money:
    """An amount of at least zero, exact in the currency's smallest unit.

    Raises:
        Malformed: not a whole JSON number in plain digits, finer than the currency, or too
            large.
        CurrencyUnknown: nobody names the digits of the currency.
    """
    digits = digits_of(currency, provider.exponents)
    text = decimal_text(value, provider, path=path)
    return Money(minor_from_text(text, digits, path=path), currency)


def decimal_text(value: Json, provider: Provider, *, path: str) -> str:
    """An amount as a plain decimal in units of the currency.

    Raises:
        Malformed: not a whole JSON number in plain digits.
    """
    if not is_number(value) or _WHOLE.fullmatch(str(value)) is None:
        raise Malformed(path, "a whole number of at least 0 is expected")
    return text_from_minor(int(str(value)), number_of(provider, "amount_digits"))


def wire_units(money: Money, provider: Provider) -> int:
    """An amount as the hub counts it."""
    exponent = digits_of(money.currency, provider.exponents)
    digits = number_of(provider, "amount_digits")
    if digits >= exponent:
        return money.minor * int(10 ** (digits - exponent))
    return money.minor // int(10 ** (exponent - digits))
