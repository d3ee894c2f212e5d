"""Strict decoding of JSON and form bodies.

Lenient decoders accept repeated keys, ``NaN``, bytes that are not UTF-8 and broken percent
escapes. All of these are refused, because each is a way to show one document to the signature
check and another to the ledger. Numbers stay the text they were sent as.
"""

import json
import re
from codecs import BOM_UTF8
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from vocabulary.errors import Malformed

#: Longest body decoded, in bytes; the longest documented message has under 1,000.
#: Until its signature is checked anybody may have sent a body, and its length costs time.
BODY_BYTES_MAX = 16_384
#: Most opening brackets in a body, counted inside texts too. It bounds the nesting without
#: reading the body, well below the depth at which the decoder would run out of stack.
BRACKETS_MAX = 200
#: Most fields of a form body.
FORM_FIELDS_MAX = 64

# Possessive, so that a long field is read once and never again from a shorter start.
_FORM = re.compile(rb"(?:[^%&=\x00-\x20\x7f-\xff]++|%[0-9A-Fa-f]{2})*+")


class Number(str):
    """A JSON number as the text it was sent as. Never computed with."""

    __slots__ = ()


Json = dict[str, "Json"] | list["Json"] | str | Number | bool | None


def decode_json(body: bytes) -> Json:
    """Read one JSON document; a byte order mark before it is not part of it.

    Raises:
        Malformed: not UTF-8, not JSON, too large, too deeply nested, a key twice in one
            object, or a number that JSON does not have.
    """
    if len(body) > BODY_BYTES_MAX:
        raise Malformed("body", f"at most {BODY_BYTES_MAX} bytes are expected")
    if body.count(b"{") + body.count(b"[") > BRACKETS_MAX:
        raise Malformed("body", f"at most {BRACKETS_MAX} brackets are expected")
    # The library's errors carry the document, so they are not chained.
    try:
        text = body.removeprefix(BOM_UTF8).decode("utf-8").strip(_BLANKS)
        read: tuple[Json, int] = _DECODER.raw_decode(text)
    except UnicodeDecodeError:
        raise Malformed("body", "UTF-8 is expected") from None
    except (ValueError, RecursionError):
        raise Malformed("body", "a JSON document is expected") from None
    document, end = read
    if end != len(text):
        raise Malformed("body", "a JSON document is expected, and nothing after it")
    return document


def decode_form(body: bytes) -> dict[str, str]:
    """Read one ``application/x-www-form-urlencoded`` body.

    Raises:
        Malformed: too large, a field without exactly one ``=``, a field twice, or characters
            that are not percent-encoded UTF-8.
    """
    if len(body) > BODY_BYTES_MAX:
        raise Malformed("body", f"at most {BODY_BYTES_MAX} bytes are expected")
    pairs = body.split(b"&", FORM_FIELDS_MAX)
    if len(pairs) > FORM_FIELDS_MAX:
        raise Malformed("body", f"at most {FORM_FIELDS_MAX} fields are expected")
    document: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition(b"=")
        key = _form_text(name)
        if not equals or not key or key in document:
            raise Malformed(
                "body", "form fields of the form name=value, each once, are expected"
            )
        document[key] = _form_text(value)
    return document


def _form_text(encoded: bytes) -> str:
    if _FORM.fullmatch(encoded) is None:
        raise Malformed("body", "percent-encoded form fields are expected")
    try:
        return unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("body", "UTF-8 is expected") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Malformed("body", "each key once is expected")
    return document


def _no_constant(_name: str) -> NoReturn:
    raise Malformed("body", "numbers that JSON has are expected")


#: What JSON allows around a document; ``str.strip`` alone would take more.
_BLANKS = " \t\n\r"

_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Number,
    parse_int=Number,
    parse_constant=_no_constant,
)
