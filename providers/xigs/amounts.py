"""The platform's amounts: text or JSON numbers, exact in the currency's smallest unit."""

from providers.contract import Provider
from providers.wire.decode import Json
from providers.wire.fields import plain_number, unsigned_amount
from vocabulary.errors import Malformed
from vocabulary.money import Money


def stated_amount(value: Json, currency: str, provider: Provider, *, path: str) -> Money:
    """An amount of at least 0 in plain digits, or as JavaScript prints a tiny number.

    Raises:
        Malformed: neither text nor a number, signed, in another spelling, too precise or too
            large.
    """
    if not isinstance(value, str):
        raise Malformed(path, "a decimal number is expected")
    return unsigned_amount(plain_number(value), currency, provider, path=path)
