"""The aggregator's amounts: JSON numbers, in any spelling that JavaScript may print."""

import re
from decimal import Decimal

from providers.contract import Provider
from providers.wire.decode import Json, Number
from providers.wire.fields import is_number, unsigned_amount
from vocabulary.errors import Malformed
from vocabulary.money import AMOUNT_CHARS_MAX, Money

#: Largest power of ten read, either way. It bounds the digits an exponent can ask for.
_EXPONENT_MAX = 40

_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,3})", re.ASCII)


def stated_amount(value: Json, provider: Provider, *, path: str) -> Money:
    """An amount of at least zero, exact in the provider's currency.

    Raises:
        Malformed: not a JSON number, negative, too precise for the currency, or too large.
    """
    if not is_number(value):
        raise Malformed(path, "a number is expected")
    token = Number(value)
    if "e" in token or "E" in token or token.startswith("-"):
        exact = decimal_of(value, path)
        token = Number(format(exact, "f") if exact else "0")  # JavaScript may send -0
    return unsigned_amount(token, provider.currency, provider, path=path)


def decimal_of(value: Json, path: str) -> Decimal:
    """The exact decimal of a number token, with bounded digits and exponent.

    Raises:
        Malformed: not a JSON number, too long, or with an exponent beyond any money.
    """
    if not is_number(value) or len(str(value)) > AMOUNT_CHARS_MAX:
        raise Malformed(path, "a number is expected")
    token = str(value)
    exponent = _EXPONENT.search(token)
    if "e" in token.lower() and (exponent is None or abs(int(exponent[1])) > _EXPONENT_MAX):
        raise Malformed(path, "an amount within range is expected")
    return Decimal(token)
