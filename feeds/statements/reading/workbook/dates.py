"""Dates of workbooks: numbers that a number format shows as dates."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from feeds.statements.reading.workbook.xml_events import Attributes, read_elements

#: Cell styles that are looked at; a workbook has fewer.
STYLES_MAX = 1 << 16

#: Numbers of the built-in formats that are dates or times; 46 is a duration.
_BUILT_IN = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_DURATION = 46
# Quoted text, escaped characters, and colours, languages and conditions in brackets.
_NOT_FORMAT = re.compile(r'"[^"]*"|[\\_*].|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTER = re.compile(r"[dmhysDMHYS]")
_DURATION_LETTER = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_GENERAL = re.compile(r"general|standard|@", re.IGNORECASE)

_FIRST_OF_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet's dates have no zone
#: Day 60 is 29 February 1900, which did not exist.
_FALSE_LEAP_DAY = 60
_MS_PER_DAY = 86_400_000
#: Of a day and the T after it.
_DAY_CHARS = len("2026-06-04T")
#: More days than there are from any first day to the last of the calendar.
_DAYS_MAX = 3_000_000


@dataclass(slots=True)
class NumberFormats:
    """Which cell styles show numbers as dates.

    Attributes:
        dates, durations: the indexes of such styles, as cells have them.
    """

    dates: set[str] = field(default_factory=set)
    durations: set[str] = field(default_factory=set)


class _StylesReader:
    def __init__(self) -> None:
        self.formats = NumberFormats()
        self._dates = {str(number) for number in _BUILT_IN}
        self._durations = {str(_DURATION)}
        self._count = -1
        self._is_cell_style = False

    def start(self, name: str, attributes: Attributes) -> None:
        """One element of the part."""
        if name == "numFmt":
            self._define(attributes.get("numFmtId", ""), attributes.get("formatCode", ""))
        elif name in {"cellXfs", "cellStyleXfs", "dxfs"}:
            self._is_cell_style = name == "cellXfs"
        elif name == "xf" and self._is_cell_style:
            self._count += 1
            if self._count > STYLES_MAX:
                return
            number = attributes.get("numFmtId", "0")
            if number in self._dates:
                self.formats.dates.add(str(self._count))
            elif number in self._durations:
                self.formats.durations.add(str(self._count))

    def _define(self, number: str, code: str) -> None:
        for numbers in (self._dates, self._durations):
            numbers.discard(number)
        first = _NOT_FORMAT.sub("", code.partition(";")[0])
        if _GENERAL.fullmatch(first):
            return
        if _DURATION_LETTER.search(first):
            self._durations.add(number)
        elif _DATE_LETTER.search(first):
            self._dates.add(number)


def read_formats(chunks: Iterable[bytes]) -> NumberFormats:
    """The number formats of the part ``styles``."""
    reader = _StylesReader()
    read_elements(chunks, reader.start)
    return reader.formats


def instant_text(number: Decimal, *, since_1904: bool) -> str | None:
    """A number of days as an instant in ISO 8601 without zone, or as a time if under a day.

    Workbooks keep milliseconds. None: the number is no date, or a time that rounds to a day.
    """
    if not 0 <= number < _DAYS_MAX:
        return None
    time = timedelta(milliseconds=round(number * _MS_PER_DAY))
    if number < 1:
        return None if time.days else _iso(_FIRST_OF_1904 + time)[_DAY_CHARS:]
    first_day = _first_day(time.days, since_1904=since_1904)
    if first_day is None:
        return None
    try:
        return _iso(first_day + time)
    except OverflowError:
        return None


def _first_day(days: int, *, since_1904: bool) -> datetime | None:
    """From when a sheet counts to this many days, in a time without zone; None: no such day."""
    if since_1904:
        return _FIRST_OF_1904
    if days == _FALSE_LEAP_DAY:
        return None
    return datetime(1899, 12, 31 if days < _FALSE_LEAP_DAY else 30)  # noqa: DTZ001


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")
