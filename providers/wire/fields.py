"""Typed readers over a decoded document. Errors name the field, never its value."""

import re
from collections.abc import Mapping
from datetime import datetime

from providers.contract import Provider
from providers.wire.decode import Json, Number
from vocabulary.errors import Malformed
from vocabulary.ids import PROVIDER_ID_CHARS_MAX
from vocabulary.instants import instant_from_text
from vocabulary.money import Money, is_currency

#: Longest descriptive text kept, in characters (a game's name).
LABEL_CHARS_MAX = 256

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def exact_fields(document: object, names: frozenset[str]) -> Mapping[str, Json]:
    """The document as an object that has these fields and no other.

    A document signed for one route must not pass at another, so a missing field is not filled
    in and an unknown one is not ignored.

    Raises:
        Malformed: not an object, or another set of fields.
    """
    if not isinstance(document, dict):
        raise Malformed("body", "an object is expected")
    if document.keys() != names:
        raise Malformed("body", f"exactly the fields {', '.join(sorted(names))} are expected")
    return document


def identifier(value: Json, path: str) -> str:
    """A provider's id: text of 1 to 128 printable characters.

    Raises:
        Malformed: a number (its digits may already be lost), empty, too long or unprintable.
    """
    if type(value) is not str or not 0 < len(value) <= PROVIDER_ID_CHARS_MAX:
        raise Malformed(path, f"text of 1 to {PROVIDER_ID_CHARS_MAX} characters is expected")
    if not value.isprintable():
        raise Malformed(path, "printable characters are expected")
    return value


def label(value: Json, path: str) -> str:
    """Descriptive text that decides nothing; may be empty.

    Raises:
        Malformed: not text, too long, or with control characters.
    """
    if type(value) is not str or len(value) > LABEL_CHARS_MAX:
        raise Malformed(path, f"text of at most {LABEL_CHARS_MAX} characters is expected")
    if _UNPRINTABLE.search(value) is not None:
        raise Malformed(path, "printable characters are expected")
    return value


def one_of(value: Json, choices: tuple[str, ...], path: str) -> str:
    """Text that is one of the choices.

    Raises:
        Malformed: anything else.
    """
    if type(value) is not str or value not in choices:
        raise Malformed(path, f"one of {', '.join(choices)} is expected")
    return value


def currency_code(value: Json, path: str) -> str:
    """A currency code: three to eight upper-case letters and digits.

    Raises:
        Malformed: anything else.
    """
    if type(value) is not str or not is_currency(value):
        raise Malformed(path, "a currency code is expected")
    return value


def instant(value: Json, path: str) -> datetime:
    """An ISO-8601 instant with its zone, in UTC to the microsecond; later digits are dropped.

    Raises:
        Malformed: another form, no zone, or an instant that does not exist.
    """
    parsed = instant_from_text(value if type(value) is str else "", path=path)
    if parsed.tzinfo is None:
        raise Malformed(path, "an ISO-8601 instant with its time zone is expected")
    return parsed


def unsigned_amount(text: str, currency: str, provider: Provider, *, path: str) -> Money:
    """A plain decimal of at least zero, exact in the currency's smallest unit.

    Raises:
        Malformed: signed, not a plain decimal, too precise or too large.
    """
    if text.startswith("-"):
        raise Malformed(path, "an amount of at least 0 is expected")
    try:
        return Money.parse(text, currency, exponents=provider.exponents)
    except Malformed as error:
        raise Malformed(path, error.reason) from None


def is_number(value: Json) -> bool:
    """Whether the value was a JSON number (not a flag, not text)."""
    return type(value) is Number
