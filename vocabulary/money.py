"""Money: signed integer minor units with a currency. No float, no rounding.

An amount that does not fit its currency's exponent is refused. Exponents follow ISO 4217, but
a provider may override them (some feeds send 1/100000 units), so functions take the exponents
as an argument.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from msgspec import Struct

from vocabulary.errors import Malformed

#: Exponents that differ from 2: ISO 4217:2015 table A.1, then crypto currencies as
#: integrators commonly use them.
_NOT_TWO: Mapping[str, int] = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
    **dict.fromkeys("BTC LTC BCH".split(), 8),
    **dict.fromkeys("ETH SOL".split(), 9),
    **dict.fromkeys("USDT USDC TRX".split(), 6),
}
EXPONENTS: Mapping[str, int] = MappingProxyType(dict(_NOT_TWO))

#: Upper bound of an exponent: 10**9 minor units per unit leave nine integer digits in int64.
EXPONENT_MAX = 9
#: Largest magnitude accepted anywhere (PostgreSQL's bigint leaves room above for sums).
MINOR_MAX = 10**17
#: Longest amount text parsed, in characters.
AMOUNT_CHARS_MAX = 40

_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,7}", re.ASCII)


def exponent_of(currency: str, overrides: Mapping[str, int] | None = None) -> int:
    """Digits after the decimal point of a currency; a provider's overrides take precedence."""
    if overrides and currency in overrides:
        return overrides[currency]
    return EXPONENTS.get(currency, 2)


def is_currency(code: str) -> bool:
    """Whether the text has the shape of a currency code."""
    return _CURRENCY.fullmatch(code) is not None


def minor_from_text(text: str, exponent: int, *, path: str = "amount") -> int:
    """Parse a plain decimal into signed minor units.

    Accepts only ``-?digits[.digits]``: no exponent, plus sign, blanks or separators. Trailing
    zeros beyond the exponent are allowed; any other digit there is refused.

    Raises:
        Malformed: not a plain decimal, too precise for the exponent, or too large.
    """
    match = _AMOUNT.fullmatch(text) if len(text) <= AMOUNT_CHARS_MAX else None
    if match is None:
        raise Malformed(path, "a plain decimal amount is expected")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if fraction[exponent:].strip("0"):
        raise Malformed(path, f"at most {exponent} digits after the point are expected")
    minor = int(whole + fraction[:exponent].ljust(exponent, "0"))
    if minor > MINOR_MAX:
        raise Malformed(path, "the amount is out of range")
    return -minor if sign else minor


def text_from_minor(minor: int, exponent: int) -> str:
    """Render minor units as a decimal string with all digits, e.g. ``"-0.05"``."""
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    sign = "-" if minor < 0 else ""
    if exponent == 0:
        return sign + digits
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


class Money(Struct, frozen=True, gc=False):
    """A signed amount in minor units of one currency."""

    minor: int
    currency: str

    @classmethod
    def parse(
        cls, text: str, currency: str, *, exponents: Mapping[str, int] | None = None
    ) -> Self:
        """Parse a decimal string.

        Raises:
            Malformed: the text is not a plain decimal that fits the currency.
        """
        return cls(minor_from_text(text, exponent_of(currency, exponents)), currency)

    def text(self, *, exponents: Mapping[str, int] | None = None) -> str:
        """The amount as a decimal string, without the currency."""
        return text_from_minor(self.minor, exponent_of(self.currency, exponents))

    def text_with_currency(self, *, exponents: Mapping[str, int] | None = None) -> str:
        """The amount as people write it in a sentence, e.g. ``"-0.05 EUR"``."""
        return f"{self.text(exponents=exponents)} {self.currency}"

    def __add__(self, other: Self) -> Self:
        self._must_match(other)
        return type(self)(self.minor + other.minor, self.currency)

    def __sub__(self, other: Self) -> Self:
        self._must_match(other)
        return type(self)(self.minor - other.minor, self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def _must_match(self, other: Self) -> None:
        if self.currency != other.currency:
            raise TypeError(f"cannot combine {self.currency} with {other.currency}")
