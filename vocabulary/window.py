"""Time windows: half open, so that adjacent windows never overlap."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

#: The years that a person may name: beside them, zones and spans leave the calendar.
YEAR_MIN, YEAR_MAX = 1900, 9998


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From ``start`` (included) to ``end`` (excluded); aware instants, ``start < end``.

    Our rounds belong to a window by their first operation, provider records by creation time.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs instants with a time zone")
        if self.start >= self.end:
            raise ValueError("a window must end after it starts")


def parse_window(start: str, end: str, *, zone: str) -> Window:
    """Parse two ISO 8601 dates or instants; without an offset they are local to ``zone``.

    A date means its first midnight, so one day is ``2026-03-01`` to ``2026-03-02``.

    Raises:
        ValueError: not ISO 8601, or the window is empty.
    """
    return Window(start=parse_instant(start, zone=zone), end=parse_instant(end, zone=zone))


@lru_cache(maxsize=10_000)  # a page of ninety days asks for each of them several times
def day_window(day: date, zone: ZoneInfo) -> Window:
    """A calendar day of a zone, in UTC; 23 or 25 hours long when the clocks change."""
    start, end = (
        datetime.combine(midnight, time(), tzinfo=zone).astimezone(UTC)
        for midnight in (day, day + timedelta(days=1))
    )
    return Window(start=start, end=end)


@lru_cache(maxsize=100)  # a page asks for its days several times for each provider
def days_between(first: date, last: date) -> tuple[date, ...]:
    """Every day from the first to the last, both included."""
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def is_within_calendar(day: date) -> bool:
    """Whether a day, or an instant, is of a year with which zones and spans can reckon."""
    return YEAR_MIN <= day.year <= YEAR_MAX


def parse_instant(text: str, *, zone: str) -> datetime:
    """Parse one ISO 8601 date or instant into UTC.

    Raises:
        ValueError: not ISO 8601, or of a year that nobody means.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"a date or instant such as 2026-03-01T00:00:00Z is expected, not {text!r}"
        ) from None
    if not is_within_calendar(instant):
        raise ValueError(f"a year from {YEAR_MIN} to {YEAR_MAX} is expected, not {text!r}")
    local = instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)
