"""Values of options: amounts, instants, days, durations and windows, read from text.

Every function that takes an option's name raises Malformed, with that name, for anything else.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

import typer

from ops.settings.durations import parse_duration
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.window import (
    YEAR_MAX,
    YEAR_MIN,
    Window,
    day_window,
    is_within_calendar,
    last_of_month,
    parse_window,
)
from vocabulary.zones import UNKNOWN_ZONE

#: The days of a week as options name them; three letters are enough.
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS_BACK: Mapping[str, int] = MappingProxyType({"today": 0, "yesterday": 1})
_RELATIVE = re.compile(r"-[0-9]{1,3}", re.ASCII)

_Day = TypeVar("_Day", date, datetime)
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}", re.ASCII)
_PERIOD = (
    "a month such as 2026-06, a day such as 2026-06-04 or yesterday, or days such as"
    " 2026-06-01..2026-06-15, is expected"
)


def positive(
    amount: str, currency: str, exponents: Exponents, option: str = "--amount"
) -> Money:
    """An amount above zero; ``exponents``: as ``own_exponents`` has them."""
    money = Money.parse(amount, currency, exponents=exponents)
    if money.minor <= 0:
        raise Malformed(option, "an amount above zero is expected")
    return money


def read_instant(value: str, option: str) -> datetime:
    """An ISO 8601 instant; without an offset, UTC is meant; a day alone is its midnight."""
    day = named_day(value, "UTC", SystemClock().now())
    try:
        parsed = datetime.fromisoformat(value if day is None else day.isoformat())
    except ValueError as error:
        raise Malformed(
            option, "an instant such as 2026-06-04T12:00:00Z is expected"
        ) from error
    parsed = _within_calendar(parsed, option)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def read_passed_instant(value: str, option: str, now: datetime) -> datetime:
    """As ``read_instant``: nothing is known yet of an instant to come.

    Raises:
        Malformed: no instant, or one to come; names the option.
    """
    parsed = read_instant(value, option)
    if parsed > now:
        raise Malformed(option, "an instant that has passed is expected")
    return parsed


def read_until(value: str, option: str, now: datetime) -> datetime:
    """An instant to come, or a duration from now.

    Raises:
        Malformed: neither, or an instant that has passed; names the option.
    """
    try:
        parsed = now + parse_duration(value)
    except ValueError:
        parsed = read_instant(value, option)
    if parsed <= now:
        raise Malformed(option, "an instant to come is expected")
    return parsed


def read_day(value: str | None, option: str, *, zone: str, now: datetime) -> date | None:
    """A business day of a zone, or None; see ``read_business_day``."""
    return None if value is None else read_business_day(value, zone, now, option=option)


def read_period(
    value: str, option: str, *, zone: str, now: datetime | None = None
) -> tuple[date, date]:
    """The first and the last day of a month, of ``DAY..DAY``, of ``DAY/END`` or of one day.

    Days are dates or words in a zone, see ``named_day``; ``END`` is the day after the last.

    Raises:
        Malformed: anything else, or days in the wrong order.
    """
    moment = now or SystemClock().now()
    if _MONTH.fullmatch(value):
        return read_month(value, option)
    start, is_open, end = value.partition("/" if "/" in value else "..")
    first = last = _day_of(start, option, zone, moment)
    if is_open:
        last = _day_of(end, option, zone, moment)
        last -= timedelta(days=is_open == "/")
    if last < first:
        raise Malformed(option, f"the first day comes first; {_PERIOD}")
    return first, last


def read_month(value: str, option: str) -> tuple[date, date]:
    """The first and the last day of a month.

    Raises:
        Malformed: anything but a month; names the option.
    """
    try:
        first = date.fromisoformat(f"{value}-01" if _MONTH.fullmatch(value) else "")
    except ValueError as error:
        raise Malformed(option, "a month such as 2026-06 is expected") from error
    return _within_calendar(first, option), last_of_month(first)


def _day_of(text: str, option: str, zone: str, now: datetime) -> date:
    try:
        return read_business_day(text, zone, now)
    except Malformed as error:
        raise Malformed(option, _PERIOD) from error


def read_business_day(value: str, zone: str, now: datetime, *, option: str = "--day") -> date:
    """A date, or a day by name, in a provider's zone; see ``named_day``.

    Raises:
        Malformed: anything else; names the option.
    """
    named = named_day(value, zone, now)
    if named is not None:
        return named
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        expected = "2026-06-04, today or yesterday is expected, or -1, or monday"
        raise Malformed(option, expected) from error
    return _within_calendar(day, option)


def _within_calendar(day: _Day, option: str) -> _Day:
    if not is_within_calendar(day):
        raise Malformed(option, f"a year from {YEAR_MIN} to {YEAR_MAX} is expected")
    return day


def day_windows(value: str, zones: Mapping[str, str], now: datetime) -> dict[str, Window]:
    """A day of each provider, by slug and zone; under ``""`` in UTC, for any other provider.

    Raises:
        Malformed: it is no day.
    """
    return {
        slug: day_window(read_business_day(value, zone, now), ZoneInfo(zone))
        for slug, zone in {**zones, "": UNKNOWN_ZONE}.items()
    }


def named_day(value: str, zone: str, now: datetime) -> date | None:
    """The day of a zone that a word means, or None.

    ``today``, ``yesterday``; ``-3`` is three days before today; ``monday`` or ``mon`` is the
    last one before today.
    """
    word, today = value.strip().lower(), now.astimezone(ZoneInfo(zone)).date()
    if word in _DAYS_BACK:
        return today - timedelta(days=_DAYS_BACK[word])
    if _RELATIVE.fullmatch(word):
        return today - timedelta(days=int(word[1:]))
    for number, name in enumerate(WEEKDAYS):
        if word in {name, name[:3]}:
            return today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)
    return None


def read_duration(value: str, option: str) -> timedelta:
    """A duration such as 24h."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Malformed(option, "a duration such as 24h or 30d is expected") from error


def read_maturity(value: str | None) -> timedelta | None:
    """The duration of ``--maturity``, or None.

    Raises:
        typer.BadParameter: the value is no duration.
    """
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--maturity") from error


def window_of(start: str, end: str, *, zone: str, now: datetime | None = None) -> Window:
    """The window between two days, dates or instants, local to ``zone`` without an offset.

    A day by name is its first midnight, as a date is; see ``named_day``.

    Raises:
        typer.BadParameter: invalid dates or instants, or an empty window.
    """
    moment = now or SystemClock().now()
    edges = [
        value if (day := named_day(value, zone, moment)) is None else day.isoformat()
        for value in (start, end)
    ]
    try:
        return parse_window(*edges, zone=zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
