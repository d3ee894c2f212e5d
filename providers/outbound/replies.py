"""JSON of a provider's own API: compact bodies out, strictly typed replies in.

Replies come from a server that proved itself by its certificate only, so every reader checks
what it reads and raises ``Malformed`` with the place, never with the value found there.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

from providers.wire.decode import Json, Number
from providers.wire.fields import identifier, label
from vocabulary.errors import Malformed

#: Longest link followed or handed on, in characters; launch links carry tokens.
LINK_CHARS_MAX = 4_096

_LINK = re.compile(r"https?://[\x21-\x7e]+", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,20}", re.ASCII)

Document = Mapping[str, Json]
T = TypeVar("T")


def compact(document: Mapping[str, object]) -> bytes:
    """Compact UTF-8 JSON, fields in the order given; those that are None are left out.

    Raises:
        Malformed: a text holds half a surrogate pair.
    """
    sent = {name: value for name, value in document.items() if value is not None}
    try:
        return json.dumps(sent, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("body", "text that is Unicode is expected") from None


def decode_reply(body: bytes) -> Json:
    """Read one reply; numbers stay the text they were sent as.

    Raises:
        Malformed: not UTF-8, not JSON, or nested beyond reason.
    """
    if body.lstrip()[:1] == b"<":
        raise Malformed("body", "JSON is expected, this is a web page")
    # The library's errors carry the document, so they are not chained.
    try:
        read: Json = json.loads(
            body.decode("utf-8"),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise Malformed("body", "a JSON document is expected") from None
    return read


def object_at(value: Json, path: str) -> Document:
    """The value as an object."""
    if not isinstance(value, dict):
        raise Malformed(path, "an object is expected")
    return value


def member(document: Json, name: str, path: str = "body") -> Json:
    """A field that must be there.

    Raises:
        Malformed: not an object, or it has no such field.
    """
    fields = object_at(document, path)
    if name not in fields:
        raise Malformed(_place(path, name), "a value is expected")
    return fields[name]


def read_items(value: Json, path: str, read: Callable[[Json, str], T]) -> tuple[T, ...]:
    """Every item of a list, read; the error of one names its place.

    Raises:
        Malformed: no list, or an item does not hold.
    """
    if not isinstance(value, list):
        raise Malformed(path, "a list is expected")
    return tuple(read(item, f"{path}[{place}]") for place, item in enumerate(value))


def name_at(document: Json, name: str, path: str = "body") -> str:
    """An id or a name: text of 1 to 128 printable characters, or a whole number's digits."""
    value = member(document, name, path)
    if type(value) is Number and _WHOLE.fullmatch(value) is not None:
        return str(value)
    return identifier(value, _place(path, name))


def label_at(document: Json, name: str, path: str = "body") -> str:
    """Descriptive text that decides nothing; empty where it is absent or unfit to be shown.

    Raises:
        Malformed: ``document`` is no object.
    """
    try:
        return label(object_at(document, path).get(name), name)
    except Malformed:
        return ""


def flag_at(document: Json, name: str, path: str = "body", *, absent: bool) -> bool:
    """True or false; ``absent`` where there is no such field."""
    value = object_at(document, path).get(name, absent)
    if not isinstance(value, bool):
        raise Malformed(_place(path, name), "true or false is expected")
    return value


def link_at(document: Json, name: str, path: str = "body") -> str:
    """A link a browser may be sent to: http or https, nothing unprintable, of a sane length."""
    value = member(document, name, path)
    if type(value) is not str or len(value) > LINK_CHARS_MAX or not _LINK.fullmatch(value):
        raise Malformed(_place(path, name), "a link is expected")
    return value


def secret_at(document: Json, name: str, path: str = "body") -> str:
    """A token: printable ASCII without blanks, fit to stand in a header."""
    value = member(document, name, path)
    if type(value) is not str or not 0 < len(value) <= LINK_CHARS_MAX:
        raise Malformed(_place(path, name), "a token is expected")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise Malformed(_place(path, name), "a token is expected")
    return value


def count_at(document: Json, name: str, path: str = "body") -> int:
    """A whole number of at least zero, as a number or as its digits in a text."""
    value = member(document, name, path)
    if not isinstance(value, str) or _WHOLE.fullmatch(value) is None:
        raise Malformed(_place(path, name), "a whole number is expected")
    return int(value)


def _place(path: str, name: str) -> str:
    return name if path == "body" else f"{path}.{name}"


def _no_constant(_name: str) -> NoReturn:
    raise Malformed("body", "numbers that JSON has are expected")
