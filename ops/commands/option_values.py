"""Values of options: amounts, instants, days, durations and windows, read from text.

Every function that takes an option's name raises Malformed, with that name, for anything else.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import typer

from ops.settings.durations import parse_duration
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.window import Window, parse_window

#: Length of a month such as 2026-06.
_MONTH_CHARS = 7


def positive(amount: str, currency: str, option: str = "--amount") -> Money:
    """An amount above zero."""
    money = Money.parse(amount, currency)
    if money.minor <= 0:
        raise Malformed(option, "an amount above zero is expected")
    return money


def read_instant(value: str, option: str) -> datetime:
    """An ISO 8601 instant; without an offset, UTC is meant; a date alone is its midnight."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise Malformed(
            option, "an instant such as 2026-06-04T12:00:00Z is expected"
        ) from error
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


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


def read_day(value: str | None, option: str) -> date | None:
    """An ISO 8601 date, or None."""
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise Malformed(option, "a date such as 2026-06-04 is expected") from error


def read_period(value: str, option: str) -> tuple[date, date]:
    """The first and the last day of a month, of ``DAY..DAY`` or of one day.

    Raises:
        Malformed: anything else, or days in the wrong order.
    """
    expected = "a month such as 2026-06, or days such as 2026-06-01..2026-06-15, is expected"
    start, _, end = value.partition("..")
    try:
        first = date.fromisoformat(f"{start}-01" if len(value) == _MONTH_CHARS else start)
        last = date.fromisoformat(end) if end else first
    except ValueError as error:
        raise Malformed(option, expected) from error
    if len(value) == _MONTH_CHARS:
        last = last_of_month(first)
    if last < first:
        raise Malformed(option, f"the first day comes first; {expected}")
    return first, last


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def read_business_day(value: str, zone: str, now: datetime) -> date:
    """A date, ``today`` or ``yesterday``, in a provider's zone.

    Raises:
        Malformed: anything else.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}.get(value)
    if named is not None:
        return named
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise Malformed("day", "2026-06-04, today or yesterday is expected") from error


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


def window_of(start: str, end: str, *, zone: str) -> Window:
    """The window between two dates or instants, which are local to ``zone`` without an offset.

    Raises:
        typer.BadParameter: invalid dates or instants, or an empty window.
    """
    try:
        return parse_window(start, end, zone=zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
