"""Gaps in sequences of days, numbers and windows. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

from vocabulary.window import Window

_ONE_DAY = timedelta(days=1)


def missing_days(days: Iterable[date]) -> list[date]:
    """Days between the first and the last that are not among them."""
    present = set(days)
    if not present:
        return []
    first, last = min(present), max(present)
    between = (first + _ONE_DAY * n for n in range((last - first).days))
    return [day for day in between if day not in present]


def missing_numbers(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ranges of numbers between the smallest and the largest that are missing, inclusive."""
    ordered = sorted(set(numbers))
    return [
        (before + 1, after - 1) for before, after in pairwise(ordered) if after - before > 1
    ]


def gaps_between(windows: Iterable[Window]) -> list[Window]:
    """Time between the first and the last window that none of them covers."""
    return list(_gaps(sorted(windows, key=lambda window: (window.start, window.end))))


def _gaps(ordered: list[Window]) -> Iterator[Window]:
    covered_to: datetime | None = None
    for window in ordered:
        if covered_to is not None and window.start > covered_to:
            yield Window(start=covered_to, end=window.start)
        covered_to = window.end if covered_to is None else max(covered_to, window.end)
