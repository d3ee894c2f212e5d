"""Instants: ISO 8601 or as declared, in the declared zone if they have none of their own."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from feeds.statements.reading.cells import Cell, CellKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.values.date_pattern import DatePattern
from vocabulary.errors import Malformed
from vocabulary.instants import in_utc, instant_from_text, offset_from_text
from vocabulary.window import YEAR_MAX, YEAR_MIN, is_within_calendar

_EXISTING = "an instant that exists is expected"
_pattern = lru_cache(DatePattern.of)


def instant_text(cell: Cell, text: str, name: str, rules: FileRules) -> str:
    """The instant in a cell, in UTC and ISO 8601; its text is trimmed and unprotected.

    Raises:
        Malformed: no instant, not written as declared, or without a zone.
    """
    if cell.kind in {CellKind.DOUBLE, CellKind.EXACT}:
        raise Malformed(name, "a date is expected, not a number; format the cells as dates")
    if cell.kind is CellKind.TEXT and rules.dates is not None:
        instant = _declared(text, name, rules, rules.dates)
    else:
        instant = instant_from_text(text, path=name)
    if instant.tzinfo is None:
        instant = _zoned(instant, None, name, rules.zone)
    instant = in_utc(instant, path=name)
    if not is_within_calendar(instant):
        raise Malformed(name, f"a year from {YEAR_MIN} to {YEAR_MAX} is expected")
    return instant.isoformat().replace("+00:00", "Z")


def _declared(text: str, name: str, rules: FileRules, pattern: str) -> datetime:
    """The time in a text of the declared pattern."""
    try:
        time = _pattern(pattern).parse(text)
    except ValueError:
        raise Malformed(name, _EXISTING) from None
    if time is None:
        raise Malformed(name, f"an instant of the form {pattern} is expected (setting dates)")
    if time.zone is None:
        return time.local
    try:
        return time.local.replace(tzinfo=offset_from_text(time.zone))
    except ValueError:
        return _zoned(time.local, time.zone, name, _region(time.zone) or rules.zone)


def _region(name: str) -> ZoneInfo | None:
    """The time zone of a name such as Europe/Warsaw."""
    if "/" not in name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _zoned(
    local: datetime, abbreviation: str | None, name: str, zone: ZoneInfo | None
) -> datetime:
    """A local time in a zone; an abbreviation such as CEST decides in a repeated hour."""
    if zone is None:
        raise Malformed(name, "a time zone is missing and none is declared (setting timezone)")
    if abbreviation is not None and abbreviation != zone.key:
        return _abbreviated(local, abbreviation, name, zone)
    first, second = _passes(local, zone)
    if first.utcoffset() != second.utcoffset():
        raise Malformed(
            name, f"an instant with its offset is expected: {zone.key} changed its clocks then"
        )
    return first


def _abbreviated(local: datetime, abbreviation: str, name: str, zone: ZoneInfo) -> datetime:
    matching = {
        instant.utcoffset(): instant
        for instant in _passes(local, zone)
        if instant.tzname() == abbreviation
    }
    if len(matching) != 1:
        raise Malformed(
            name,
            f"UTC, an offset, or the zone that {zone.key} had then is expected"
            " (setting timezone)",
        )
    return next(iter(matching.values()))


def _passes(local: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    return (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
