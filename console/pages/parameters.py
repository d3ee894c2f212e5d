"""Values of addresses and forms, read or refused."""

from collections.abc import Mapping
from datetime import date

from console.config import ConsoleConfig, ProviderTerms
from console.replies import not_found
from vocabulary.errors import Malformed

#: The years that have business days.
YEAR_MIN, YEAR_MAX = 2000, 2099


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
    if not YEAR_MIN <= day.year <= YEAR_MAX:  # the zones of far years leave the calendar
        raise Malformed("day", f"a day from {YEAR_MIN} to {YEAR_MAX} is expected")
    return day


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
