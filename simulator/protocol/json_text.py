"""JSON text as each provider's language prints it, written without their code or ours.

A body is a dict in the order in which it is sent. Amounts never become floats: a ``JsonAmount``
is integer minor units and knows how plain decimals and JavaScript print it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vocabulary.money import text_from_minor

#: JavaScript prints numbers below this many leading decimal zeros with an exponent.
_PLAIN_ZEROS_MAX = 5
#: What JavaScript takes for the place in a list, and therefore puts first.
_COUNTS = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_COUNTS_BELOW = 2**32 - 1


@dataclass(frozen=True, slots=True)
class JsonAmount:
    """A JSON number of a body, kept as integer minor units and never as a float."""

    minor: int
    exponent: int

    def plain(self) -> str:
        """The shortest plain decimal: ``5``, ``5.1``, ``0.25``."""
        text = text_from_minor(self.minor, self.exponent)
        if "." not in text:
            return text
        return text.rstrip("0").rstrip(".")

    def javascript(self) -> str:
        """What ``JSON.stringify`` prints for the same number."""
        plain = self.plain()
        fraction = plain.partition(".")[2]
        zeros = len(fraction) - len(fraction.lstrip("0"))
        if self.minor == 0 or abs(self.minor) >= 10**self.exponent or zeros <= _PLAIN_ZEROS_MAX:
            return "0" if self.minor == 0 else plain
        digits = fraction.lstrip("0")
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{digits[0]}{point}e-{zeros + 1}"


Value: TypeAlias = "str | bool | int | JsonAmount | Mapping[str, Value] | list[Value]"
Body: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What goes over the wire: the route below ``/callbacks/{slug}``, headers and bytes."""

    route: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonStyle:
    """How one language prints numbers and texts."""

    number: Callable[[JsonAmount], str]
    text: Callable[[str], str]

    def __call__(self, value: Value) -> str:
        """Compact JSON of a value, its keys in the order given."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, JsonAmount):
            return self.number(value)
        if isinstance(value, Mapping):
            fields = [f"{self.text(name)}:{self(inner)}" for name, inner in value.items()]
            return "{" + ",".join(fields) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self, value)) + "]"
        return json.dumps(value)


def _unescaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _php_escaped(text: str) -> str:
    # Python escapes DEL as well, PHP does not.
    parts = [json.dumps(part)[1:-1].replace("/", "\\/") for part in text.split("\x7f")]
    return '"' + "\x7f".join(parts) + '"'


PLAIN = JsonStyle(number=JsonAmount.plain, text=_unescaped)
JAVASCRIPT = JsonStyle(number=JsonAmount.javascript, text=_unescaped)
PHP = JsonStyle(number=JsonAmount.plain, text=_php_escaped)


def top_sorted(body: Body) -> Body:
    """The body with its own keys in order; inner objects as they are."""
    return {name: body[name] for name in sorted(body)}


def _in_javascript(name: str) -> tuple[int, int, bytes]:
    """Keys that count come first, by their number; the others by their UTF-16 units."""
    if _COUNTS.fullmatch(name) and int(name) < _COUNTS_BELOW:
        return (0, int(name), b"")
    return (1, 0, name.encode("utf-16-be", "surrogatepass"))


def deep_sorted(value: Value) -> Value:
    """The value with the keys of every object in it in the order a JavaScript object has."""
    if isinstance(value, Mapping):
        return {name: deep_sorted(value[name]) for name in sorted(value, key=_in_javascript)}
    if isinstance(value, list):
        return [deep_sorted(inner) for inner in value]
    return value
