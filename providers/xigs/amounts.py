"""The platform's amounts: text or JSON numbers, exact in the currency's smallest unit."""

import re
from decimal import Decimal

from providers.contract import Provider
from providers.wire.decode import Json, Number
from providers.wire.fields import unsigned_amount
from vocabulary.errors import Malformed
from vocabulary.money import Money

# How JavaScript prints a number below 0.000001: the one exponent that a sender of plain
# numbers cannot avoid.
_TINY = re.compile(r"[1-9](?:\.[0-9]{1,16})?e-[0-9]{1,2}", re.ASCII)


def stated_amount(value: Json, currency: str, provider: Provider, *, path: str) -> Money:
    """An amount of at least 0 in plain digits, or as JavaScript prints a tiny number.

    Raises:
        Malformed: neither text nor a number, signed, in another spelling, too precise or too
            large.
    """
    if not isinstance(value, str | Number):
        raise Malformed(path, "a decimal number is expected")
    is_tiny = isinstance(value, Number) and _TINY.fullmatch(value) is not None
    text = format(Decimal(value), "f") if is_tiny else value
    return unsigned_amount(text, currency, provider, path=path)
