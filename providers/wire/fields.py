"""Typed readers over a decoded document.

Every reader raises Malformed for anything else; it names the field, never its value.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from providers.contract import Provider
from providers.options import accepts_unknown_fields, rounds_float_noise
from providers.wire.decode import Json, Number
from providers.wire.floats import minor_from_float
from vocabulary.currencies import digits_of, is_currency
from vocabulary.errors import Malformed
from vocabulary.ids import PROVIDER_ID_CHARS_MAX
from vocabulary.instants import instant_from_text
from vocabulary.money import Money, minor_from_text
from vocabulary.window import YEAR_MAX, YEAR_MIN, is_within_calendar

#: Longest descriptive text kept, in characters (a game's name).
LABEL_CHARS_MAX = 256

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_TINY = re.compile(r"[1-9](?:\.[0-9]{1,16})?e-[0-9]{1,2}", re.ASCII)


def route_fields(
    document: object, route: str, fields: Mapping[str, frozenset[str]], provider: Provider
) -> Mapping[str, Json]:
    """The document as an object with the fields of its route.

    A document signed for one route must not pass at another: a missing field is not filled in,
    and a document that holds all fields of another route is refused, unless this route has them
    all too. Fields that no document names are accepted or refused, by option.

    Args:
        document: what was decoded.
        route: the route, or whatever else tells the dialect's documents apart.
        fields: the fields of every route.
        provider: whose options decide.

    Raises:
        Malformed: not an object, or not the fields of this route.
    """
    names = fields[route]
    if not isinstance(document, dict):
        raise Malformed("body", "an object is expected")
    if document.keys() == names:
        return document
    if not accepts_unknown_fields(provider):
        raise Malformed("body", f"exactly the fields {', '.join(sorted(names))} are expected")
    if not document.keys() >= names:
        raise Malformed("body", f"at least the fields {', '.join(sorted(names))} are expected")
    if any(document.keys() >= others and not others <= names for others in fields.values()):
        raise Malformed("body", "the fields of one route and of no other are expected")
    return document


def refuse_unknown(
    document: Mapping[str, Json], known: Collection[str], provider: Provider
) -> None:
    """Refuse a field that is not known, where the option says so.

    Raises:
        Malformed: such a field; its name is not repeated, it may be anything.
    """
    if not accepts_unknown_fields(provider) and not document.keys() <= set(known):
        raise Malformed("body", f"only the fields {', '.join(sorted(known))} are expected")


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
    """Text that is one of the choices."""
    if type(value) is not str or value not in choices:
        raise Malformed(path, f"one of {', '.join(choices)} is expected")
    return value


def currency_code(value: Json, path: str, provider: Provider) -> str:
    """The code of a currency whose digits are known.

    Raises:
        Malformed: not three to eight upper-case letters and digits.
        CurrencyUnknown: neither ISO 4217 nor the provider's settings name its digits.
    """
    if type(value) is not str or not is_currency(value):
        raise Malformed(path, "a currency code is expected")
    digits_of(value, provider.exponents, path=path)
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


def history_instant(value: Json, path: str) -> datetime:
    """An instant of the provider's history, of a year that stands for a date.

    Programs write 0001-01-01 and 9999-12-31 where there is none. A record with either would be
    in no window, or would never be replaced by a newer version.

    Raises:
        Malformed: as of ``instant``, or a year that nobody means.
    """
    parsed = instant(value, path)
    if not is_within_calendar(parsed):
        raise Malformed(path, f"a year from {YEAR_MIN} to {YEAR_MAX} is expected")
    return parsed


def unsigned_amount(text: str, currency: str, provider: Provider, *, path: str) -> Money:
    """A plain decimal of at least zero, exact in the currency's smallest unit.

    A JSON number may have been a binary float: see ``providers.wire.floats``.

    Raises:
        Malformed: negative, not a plain decimal, too precise or too large.
        CurrencyUnknown: nobody names the digits of the currency.
    """
    if text.startswith("-"):
        raise Malformed(path, "an amount of at least 0 is expected")
    digits = digits_of(currency, provider.exponents)
    try:
        return Money(minor_from_text(text, digits, path=path), currency)
    except Malformed as error:
        if not is_number(text):
            raise
        minor = minor_from_float(text, digits, rounds=rounds_float_noise(provider), path=path)
        if minor is None:
            raise Malformed(path, error.reason) from None
        return Money(minor, currency)


def is_number(value: Json) -> bool:
    """Whether the value was a JSON number (not a flag, not text)."""
    return type(value) is Number


def plain_number(value: str) -> str:
    """A tiny JSON number in plain digits; anything else as it is.

    JavaScript and PHP print a number below 0.000001 or 0.0001 with an exponent: the one
    exponent that a sender of plain numbers cannot avoid.
    """
    if isinstance(value, Number) and _TINY.fullmatch(value) is not None:
        return Number(format(Decimal(value), "f"))
    return value
