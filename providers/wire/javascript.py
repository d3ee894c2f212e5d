"""What ``JSON.stringify(JSON.parse(text))`` prints, for signatures defined by JavaScript code.

Three things differ from every Python encoder: numbers are printed from the nearest double,
integer-like keys of an object come first in ascending order, and lone surrogates are escaped.
A key ``__proto__`` is refused: assignment drops it, so it would be outside the signature.

This is the only place where a number becomes a binary floating-point value, because the
signer's runtime does the same. The result is text again.
"""

import re
from decimal import Decimal
from json.encoder import encode_basestring
from math import isinf

from providers.wire.decode import Json, Number
from vocabulary.errors import Malformed

#: Longest number token read, in characters. A double is told apart by 17 digits.
NUMBER_CHARS_MAX = 128
#: Largest integer-like key that JavaScript orders as a number (2**32 - 2).
INDEX_MAX = 4_294_967_294
#: From this many digits before the point JavaScript prints an exponent.
#: Source: ECMA-262, Number::toString.
_WHOLE_DIGITS_MAX = 21
_LEADING_ZEROS_MAX = 6

# At most 15 significant digits and no trailing zero: every double prints these as they are.
_AS_IS = re.compile(
    r"-?[1-9][0-9]{0,8}(?:\.[0-9]{0,5}[1-9])?|0|-?0\.[0-9]{0,5}[1-9]|-?[1-9][0-9]{0,14}",
    re.ASCII,
)
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def number_text(token: str) -> str:
    """What JavaScript prints for a JSON number token.

    Raises:
        Malformed: the token is too long, or too large for a double.
    """
    if _AS_IS.fullmatch(token) is not None:
        return token
    if len(token) > NUMBER_CHARS_MAX:
        raise Malformed("body", "numbers of a sane length are expected")
    value = float(token)  # not money: the signer's double
    if isinf(value):
        raise Malformed("body", "numbers within the range of a double are expected")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shortest = "".join(map(str, digits)).lstrip("0")
    assert isinstance(exponent, int)  # a finite number has one
    text = _point_placed(shortest.rstrip("0"), len(shortest) + exponent)
    return "-" + text if sign else text


def rounded(value: Json) -> Json:
    """The tree with every number token as JavaScript would print it.

    Raises:
        Malformed: a number has no finite double.
    """
    if isinstance(value, Number):
        return Number(number_text(value))
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value


def sorted_payload(payload: dict[str, Json]) -> bytes:
    """Compact JSON of an object whose top-level keys were sorted; number tokens as given.

    Keys are sorted by UTF-16 code units, then JavaScript moves the integer-like ones to the
    front. Inner objects keep the order received, but for the same move.

    Raises:
        Malformed: a key is ``__proto__``.
    """
    is_ascii = all(map(str.isascii, payload))
    keys = sorted(payload) if is_ascii else sorted(payload, key=_code_units)
    text = _object_text({key: payload[key] for key in keys})
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        escaped = _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        return escaped.encode("utf-8")


def stringify(value: Json) -> str:
    """Compact JSON of a tree, number tokens as given; lone surrogates are left in the text.

    Raises:
        Malformed: a key is ``__proto__``.
    """
    if type(value) is str:
        return encode_basestring(value)
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        return _object_text(value)
    if isinstance(value, list):
        return "[" + ",".join([stringify(inner) for inner in value]) + "]"
    if value is None:
        return "null"
    return "true" if value else "false"


def _object_text(value: dict[str, Json]) -> str:
    if "__proto__" in value:
        raise Malformed("body", "keys that a signature can cover are expected")
    fields = [
        f"{encode_basestring(key)}:{stringify(value[key])}" for key in _in_object_order(value)
    ]
    return "{" + ",".join(fields) + "}"


def _in_object_order(value: dict[str, Json]) -> list[str]:
    indices = [key for key in filter(_INDEX.fullmatch, value) if int(key) <= INDEX_MAX]
    if not indices:
        return list(value)
    names = set(value).difference(indices)
    return sorted(indices, key=int) + [key for key in value if key in names]


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _point_placed(digits: str, point: int) -> str:
    """Print digits with the decimal point after ``point`` of them, as ECMA-262 does."""
    if len(digits) <= point <= _WHOLE_DIGITS_MAX:
        return digits.ljust(point, "0")
    if 0 < point <= _WHOLE_DIGITS_MAX:
        return f"{digits[:point]}.{digits[point:]}"
    if -_LEADING_ZEROS_MAX < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
