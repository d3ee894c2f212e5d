"""Amounts that were binary floating-point numbers before they became JSON.

A sender that prints all 17 digits of a double sends 0.1 as ``0.10000000000000001``. No other
short decimal prints so, hence this is read as the 0.1 it was. A sender that computes in doubles
sends 0.1 + 0.2 as ``0.30000000000000004``: that is another double than 0.3, so it is noise,
which is refused or rounded by option.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from vocabulary.errors import Malformed
from vocabulary.money import AMOUNT_CHARS_MAX, MINOR_MAX

#: Largest distance from a whole number of minor units that is still float noise, in minor
#: units. Doubles of up to 10**10 units with two decimals are noisier by less than that.
NOISE_MAX = Decimal("0.001")

_FRACTION = re.compile(r"[0-9]+\.[0-9]+", re.ASCII)


def minor_from_float(token: str, exponent: int, *, rounds: bool, path: str) -> int | None:
    """The minor units of a JSON number that has digits beyond the exponent.

    Args:
        token: the number as sent.
        exponent: of the currency.
        rounds: whether noise is rounded away.
        path: named in the error.

    Returns:
        None if the number was no double near a whole number of minor units.

    Raises:
        Malformed: it was, and noise is refused.
    """
    if len(token) > AMOUNT_CHARS_MAX or _FRACTION.fullmatch(token) is None:
        return None
    sent = Decimal(token)
    value = float(token)  # not money: the sender's double
    if Decimal(f"{value:.17g}") == sent:
        sent = Decimal(repr(value))
    scaled = sent.scaleb(exponent)
    whole = scaled.to_integral_value(ROUND_HALF_EVEN)
    if abs(scaled - whole) > NOISE_MAX or whole > MINOR_MAX:
        return None
    if scaled != whole and not rounds:
        raise Malformed(
            path,
            f"without float noise (option float_noise), at most {exponent} digits after the"
            " point are expected",
        )
    return int(whole)
