"""One configured provider in the simulator's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

#: A dialect's option: text, number, flag or a list of texts.
ConfiguredOption = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A provider as the receiver was configured for it.

    Attributes:
        exponent: decimal digits of the currency.
        secrets: the current one first, then those that still hold.
        options: the dialect's options, complete.
    """

    slug: str
    currency: str
    exponent: int
    secrets: tuple[bytes, ...] = field(repr=False)
    options: Mapping[str, ConfiguredOption]

    def units(self, whole: int) -> int:
        """A whole amount in minor units."""
        return whole * int(10**self.exponent)

    def digits_of(self, currency: str) -> int:
        """The digits of a call's currency: as configured, or of the standard.

        Raises:
            CurrencyUnknown: it is another currency, which the standard does not know.
        """
        return digits_of(currency, {self.currency: self.exponent})

    def text(self, minor: int) -> str:
        """Minor units as a decimal text."""
        return text_from_minor(minor, self.exponent)

    def option(self, name: str, default: str) -> str:
        """A text option, or what the document says where there is none."""
        value = self.options.get(name, default)
        return value if isinstance(value, str) else default

    def first_of(self, name: str, default: str) -> str:
        """The first text of an option that lists texts."""
        value = self.options.get(name)
        return value[0] if isinstance(value, tuple) and value else default

    def number(self, name: str, default: int) -> int:
        """A whole-number option."""
        value = self.options.get(name)
        return value if isinstance(value, int) else default
