"""What is missing between things that follow each other: days, numbers, windows. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from vocabulary.window import Window

_ONE_DAY = timedelta(days=1)


def missing_days(days: Iterable[date]) -> list[date]:
    """Days between the first and the last that are not there."""
    there = set(days)
    if not there:
        return []
    first, last = min(there), max(there)
    between = (first + _ONE_DAY * n for n in range((last - first).days))
    return [day for day in between if day not in there]


def missing_numbers(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of numbers between the smallest and the largest that are not there, inclusive."""
    ordered = sorted(set(numbers))
    return [(one + 1, other - 1) for one, other in pairwise(ordered) if other - one > 1]


def holes(windows: Iterable[Window]) -> list[Window]:
    """Time between the first and the last window that none of them covers."""
    return list(_holes(sorted(windows, key=lambda window: (window.start, window.end))))


def _holes(ordered: list[Window]) -> Iterator[Window]:
    reached: datetime | None = None
    for window in ordered:
        if reached is not None and window.start > reached:
            yield Window(start=reached, end=window.start)
        reached = window.end if reached is None else max(reached, window.end)


def day_window(day: date, zone: ZoneInfo) -> Window:
    """A calendar day of a zone as instants; 23 or 25 hours where the clocks change."""
    begin, end = (datetime.combine(each, time(), tzinfo=zone) for each in (day, day + _ONE_DAY))
    return Window(start=begin, end=end)
