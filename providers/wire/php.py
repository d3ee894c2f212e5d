"""What PHP's ``json_encode`` prints after ``ksort``, for signatures defined by PHP code.

Only the top-level keys are sorted. ``/`` and everything beyond ASCII are escaped, unless the
signer asked for unescaped slashes and unicode; even then PHP escapes the two line separators.
Number tokens stay as they were sent: a number that PHP printed needs no second printing.

PHP sorts keys that look like numbers by their value and turns an object whose keys count from
zero into a list. No documented field looks like that, so such keys are refused, not imitated.
"""

import re

from providers.wire.decode import Json, Number
from vocabulary.errors import Malformed

_ESCAPED = re.compile('[\x00-\x1f"/\\\\\x80-\U0010ffff]')
_UNESCAPED = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
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


def sorted_payload(payload: dict[str, Json], *, escaped: bool) -> bytes:
    r"""Compact JSON of an object whose top-level keys were sorted; number tokens as given.

    Args:
        payload: the object; inner objects keep the order received.
        escaped: ``/`` as ``\/`` and non-ASCII as ``\uXXXX``, which is PHP's default.

    Raises:
        Malformed: a top-level key looks like a number, or a text holds half a surrogate pair.
    """
    if any(map(_LIKE_A_NUMBER.match, payload)):
        raise Malformed("body", "keys that do not look like numbers are expected")
    pattern = _ESCAPED if escaped else _UNESCAPED
    return _object({key: payload[key] for key in sorted(payload)}, pattern).encode("utf-8")


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
