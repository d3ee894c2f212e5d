"""Values of addresses and forms, read or refused."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

from console.config import ConsoleConfig, ProviderTerms
from console.replies import not_found
from reports.find.query import TEXT_CHARS_MAX
from vocabulary.errors import Malformed
from vocabulary.texts import is_storable

#: Rows on one page of a list, and the most that somebody may ask for.
PAGE_ROWS, LIMIT_MAX = 50, 200
#: Most digits of a number of ours.
DIGITS_MAX = 18
#: The years that have business days.
YEAR_MIN, YEAR_MAX = 2000, 2099
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_day(text: str | None) -> date | None:
    """A business day; None if there is none.

    Raises:
        Malformed: it is no day.
    """
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Malformed("day", "a day such as 2026-06-04 is expected") from error
    if within_years(day) is None:
        raise Malformed("day", f"a day from {YEAR_MIN} to {YEAR_MAX} is expected")
    return day


def within_years(day: date) -> date | None:
    """The day; None if no page shows it, for the zones of far years leave the calendar."""
    return day if YEAR_MIN <= day.year <= YEAR_MAX else None


def read_month(text: str | None) -> date | None:
    """The first day of a month; None if there is none.

    Raises:
        Malformed: it is no month.
    """
    return None if not text else read_day(f"{text}-01")


def provider_named(config: ConsoleConfig, slug: str) -> ProviderTerms:
    """A configured provider.

    Raises:
        RequestRefused: there is none of that name.
    """
    for provider in config.providers:
        if provider.slug == slug:
            return provider
    raise not_found("provider", slug)


def required(form: Mapping[str, str], name: str, meaning: str) -> str:
    """A field of a form that must not be empty.

    Raises:
        Malformed: it is.
    """
    text = form.get(name, "").strip()
    if not text:
        raise Malformed(name, f"{meaning} is expected")
    return text


def read_text(form: Mapping[str, str], name: str, *, most: int, meaning: str = "") -> str:
    """A text that somebody typed, without blanks around it.

    Browsers count a line end as one character and send two.

    Args:
        form: of the visit.
        name: of the field.
        most: characters; a longer text is refused, for nobody would see that its end is lost.
        meaning: what is expected if it is empty; empty: it may be left out.

    Raises:
        Malformed: it is missing, or too long.
    """
    text = form.get(name, "").replace("\r\n", "\n").strip()
    if meaning and not text:
        raise Malformed(name, f"{meaning} is expected")
    if len(text) > most:
        raise Malformed(name, f"at most {most} characters are expected, it has {len(text)}")
    return text


def read_choice(choices: type[_Choice], fields: Mapping[str, str], name: str) -> _Choice | None:
    """One of a closed set; None if the field is empty.

    Raises:
        Malformed: it is none of them.
    """
    if not fields.get(name):
        return None
    try:
        return choices(fields[name])
    except ValueError as error:
        expected = ", ".join(choices)
        raise Malformed(name, f"one of {expected} is expected") from error


def read_name(kind: str, text: str) -> str:
    """An id or a name in an address.

    Raises:
        RequestRefused: nothing can be called so.
    """
    if not text or len(text) > TEXT_CHARS_MAX or not is_storable(text):
        raise not_found(kind, text[:TEXT_CHARS_MAX].replace("\0", "\N{SYMBOL FOR NULL}"))
    return text


def read_number(kind: str, text: str) -> int:
    """A number of ours in an address.

    Raises:
        RequestRefused: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise not_found(kind, read_name(kind, text))
    return int(text)


def read_limit(query: Mapping[str, str]) -> int:
    """The rows of a page: ``PAGE_ROWS`` unless the parameter ``limit`` says otherwise.

    Raises:
        Malformed: it is no number from 1 to ``LIMIT_MAX``.
    """
    limit = read_position("limit", query.get("limit")) or PAGE_ROWS
    if limit > LIMIT_MAX:
        raise Malformed("limit", f"1 to {LIMIT_MAX} rows are expected")
    return limit


def read_position(name: str, text: str | None) -> int | None:
    """A position in a list, from a link to another page of it; None if there is none.

    Raises:
        Malformed: it is no position.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise Malformed(name, "the link to another page is expected")
    return int(text)


def zone_values(config: ConsoleConfig, slug: str) -> dict[str, str]:
    """The zone of a page about a provider, and what the page says if nobody knows it."""
    return {"zone": config.zone_of(slug), "zone_note": config.zone_note([slug])}
