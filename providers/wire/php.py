"""What PHP's ``json_encode`` prints after ``ksort``, for signatures defined by PHP code.

Only the top-level keys are sorted. ``/`` and everything beyond ASCII are escaped, unless the
signer asked otherwise; two line separators are escaped even then, unless it asked for them too.
Number tokens stay as they were sent: a number that PHP printed needs no second printing.

A key that looks like a whole number is a number in PHP, and keys that look like numbers are
ordered by their value. How they are ordered among other keys changed with PHP 8.2, so both
orders exist. Neither is transitive for every set of keys: where it is not, what PHP prints
depends on its sorting algorithm, which is not imitated.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import IntFlag
from functools import cmp_to_key

from providers.wire.decode import Json, Number
from vocabulary.errors import Malformed


class JsonFlags(IntFlag):
    """The ``JSON_*`` flags that change what is escaped."""

    NONE = 0
    UNESCAPED_SLASHES = 64
    UNESCAPED_UNICODE = 256
    UNESCAPED_LINE_TERMINATORS = 2048


_CONTROLS = '\x00-\x1f"\\\\'
_SURROGATES = "\ud800-\udfff"
_LINE_TERMINATORS = "\u2028\u2029"
_SHORT = {
    '"': '\\"',
    "/": "\\/",
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_LIKE_A_NUMBER = re.compile(r"[ \t\n\r\v\f]*[+-]?\.?[0-9]")
_NUMERIC = re.compile(
    r"[ \t\n\r\v\f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(.*)",
    re.ASCII | re.DOTALL,
)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_BLANKS = " \t\n\r\v\f"
_INT_MAX = 2**63 - 1

#: A key as PHP holds it.
_Key = int | str


def _pattern(flags: JsonFlags) -> re.Pattern[str]:
    """The characters that are escaped."""
    beyond_ascii = "\x80-\U0010ffff"
    if JsonFlags.UNESCAPED_UNICODE in flags:
        are_escaped = JsonFlags.UNESCAPED_LINE_TERMINATORS not in flags
        beyond_ascii = (_LINE_TERMINATORS if are_escaped else "") + _SURROGATES
    slash = "" if JsonFlags.UNESCAPED_SLASHES in flags else "/"
    return re.compile(f"[{_CONTROLS}{slash}{beyond_ascii}]")


_PATTERNS = {
    int(flags): _pattern(flags) for flags in map(JsonFlags, (0, 64, 256, 320, 2304, 2368))
}


def sorted_payload(payload: dict[str, Json], flags: JsonFlags = JsonFlags.NONE) -> bytes:
    """Compact JSON of an object whose top-level keys were sorted; number tokens as given.

    Args:
        payload: the object; inner objects keep the order received.
        flags: what is left unescaped; line terminators only together with unicode.

    Raises:
        Malformed: a text holds half a surrogate pair.
    """
    return next(sorted_payloads(payload, flags))


def sorted_payloads(payload: dict[str, Json], flags: JsonFlags) -> Iterator[bytes]:
    """The texts of ``sorted_payload`` under PHP 8.2 and later, then, if another, before.

    Raises:
        Malformed: a text holds half a surrogate pair.
    """
    pattern = _PATTERNS[flags]
    for order in _orders(payload):
        yield _top_level({key: payload[key] for key in order}, pattern).encode("utf-8")


def _orders(payload: dict[str, Json]) -> list[list[str]]:
    if not any(map(_LIKE_A_NUMBER.match, payload)):
        return [sorted(payload)]
    keys = {_key(name): name for name in payload}
    orders = [
        [keys[key] for key in sorted(keys, key=cmp_to_key(compare))]
        for compare in (_compare, _compare_before_8_2)
    ]
    return orders[:1] if orders[0] == orders[1] else orders


def _key(name: str) -> _Key:
    """The key as PHP holds it: a whole number in its shortest form is an integer."""
    if _INTEGER.fullmatch(name) is None or not -_INT_MAX - 1 <= int(name) <= _INT_MAX:
        return name
    return int(name)


def _compare(left: _Key, right: _Key) -> int:
    """Compare by value where both look like numbers, else as texts."""
    left_value, right_value = _number(left), _number(right)
    if left_value is None or right_value is None:
        return (str(left) > str(right)) - (str(left) < str(right))
    return (left_value > right_value) - (left_value < right_value)


def _compare_before_8_2(left: _Key, right: _Key) -> int:
    """The same, but beside an integer a text counts as the number it begins with."""
    if isinstance(left, str) and isinstance(right, str):
        return _compare(left, right)
    left_value, right_value = (
        _number(key, is_prefix_enough=True) or 0 for key in (left, right)
    )
    return (left_value > right_value) - (left_value < right_value)


def _number(key: _Key, *, is_prefix_enough: bool = False) -> Decimal | None:
    """The value of a key that looks like a number, or begins like one, or None."""
    if isinstance(key, int):
        return Decimal(key)
    match = _NUMERIC.fullmatch(key)
    if match is None or (match[2].strip(_BLANKS) and not is_prefix_enough):
        return None
    return Decimal(match[1])


def _top_level(payload: dict[str, Json], pattern: re.Pattern[str]) -> str:
    """An object, which PHP prints as a list where its keys count from zero."""
    if payload and list(payload) == [str(place) for place in range(len(payload))]:
        return _encoded(list(payload.values()), pattern)
    return _object(payload, pattern)


def _encoded(value: Json, pattern: re.Pattern[str]) -> str:
    if type(value) is str:
        return _quoted(value, pattern)
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        return _object(value, pattern)
    if isinstance(value, list):
        return "[" + ",".join([_encoded(inner, pattern) for inner in value]) + "]"
    if value is None:
        return "null"
    return "true" if value else "false"


def _object(value: dict[str, Json], pattern: re.Pattern[str]) -> str:
    fields = [
        f"{_quoted(key, pattern)}:{_encoded(inner, pattern)}" for key, inner in value.items()
    ]
    return "{" + ",".join(fields) + "}"


def _quoted(text: str, pattern: re.Pattern[str]) -> str:
    return f'"{pattern.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    short = _SHORT.get(match[0])
    if short is not None:
        return short
    try:
        units = match[0].encode("utf-16-be").hex()
    except UnicodeEncodeError:
        raise Malformed("body", "whole surrogate pairs are expected") from None
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
