"""Money: signed integer minor units with a currency. No float, no rounding.

An amount that does not fit its currency's exponent is refused. Exponents follow ISO 4217; those
of other currencies are named in the settings, so functions take them as an argument; of a
currency without any, see ``vocabulary.currencies``.
"""

import re
from typing import Self

from msgspec import Struct

from vocabulary.currencies import Exponents, digits_of
from vocabulary.errors import Malformed

#: Upper bound of an exponent: 10**9 minor units per unit leave nine integer digits in int64.
EXPONENT_MAX = 9
#: Largest magnitude accepted anywhere (PostgreSQL's bigint leaves room above for sums).
MINOR_MAX = 10**17
#: Largest magnitude of a sum of amounts, which is read only where we wrote it. It is beyond 64
#: bits: a hundred of the largest amounts are.
SUM_MAX = 10**30
#: Longest amount text parsed, in characters.
AMOUNT_CHARS_MAX = 40

_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)


def minor_from_text(
    text: str, exponent: int, *, path: str = "amount", limit: int = MINOR_MAX
) -> int:
    """Parse a plain decimal into signed minor units, of a magnitude up to ``limit``.

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
    if minor > limit:
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
    def parse(cls, text: str, currency: str, *, exponents: Exponents) -> Self:
        """Parse a decimal string.

        Raises:
            Malformed: the text is not a plain decimal that fits the currency.
            CurrencyUnknown: the digits of the currency are not known.
        """
        return cls(minor_from_text(text, digits_of(currency, exponents)), currency)

    def text(self, *, exponents: Exponents) -> str:
        """The amount as a decimal string, without the currency.

        Raises:
            CurrencyUnknown: the digits of the currency are not known.
        """
        return text_from_minor(self.minor, digits_of(self.currency, exponents))

    def text_with_currency(self, *, exponents: Exponents) -> str:
        """The amount as people write it in a sentence, e.g. ``"-0.05 EUR"``.

        Raises:
            CurrencyUnknown: the digits of the currency are not known.
        """
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
