"""Instants as text: ISO 8601 and RFC 3339, as programs and databases write them.

One reader serves callbacks, pushed history and statement files. It keeps microseconds; further
digits are dropped, so the instant is never later than the text says.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from vocabulary.errors import Malformed

#: Digits of a second's fraction that are read; those after the sixth are dropped.
FRACTION_DIGITS_MAX = 9

#: The usual form, which ``datetime`` reads by itself in half the time; in no year that programs
#: write where there is no date.
USUAL_INSTANT = re.compile(
    r"(?!9999)(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z",
    re.ASCII,
)
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?!24)[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    rf"(?:(?<=:[0-9]{{2}}:[0-9]{{2}})[.,]([0-9]{{1,{FRACTION_DIGITS_MAX}}}))?"
    r"(?: ?([Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?",
    re.ASCII,
)
_UTC_NAMES = frozenset({"Z", "z", "UTC", "GMT"})
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?", re.ASCII)
_FORM = "an ISO-8601 instant such as 2026-06-04T09:30:00Z is expected"
_EXISTING = "an instant that exists is expected"


def instant_from_text(text: str, *, path: str = "instant") -> datetime:
    """Read ``2026-06-04T09:30:00Z`` and its relatives.

    A blank may stand for ``T`` and before the zone; seconds and their fraction may be missing;
    the zone is ``Z``, ``UTC``, ``GMT`` or an offset such as ``+02``, ``+0200`` or ``+02:00``.

    Returns:
        The instant in UTC, or a time without a zone if the text has none.

    Raises:
        Malformed: another form, or a time that does not exist.
    """
    try:
        if USUAL_INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
        match = _ISO.fullmatch(text)
        if match is None:
            raise Malformed(
                path, "an ISO-8601 instant such as 2026-06-04T09:30:00Z is expected"
            )
        day, clock, fraction, zone = match.groups()
        local = datetime.fromisoformat(f"{day}T{clock}{f'.{fraction[:6]}' if fraction else ''}")
        if zone is None:
            return local
        return in_utc(local.replace(tzinfo=offset_from_text(zone)), path=path)
    except ValueError:
        raise Malformed(path, _EXISTING) from None


def offset_from_text(text: str) -> timezone:
    """The zone of ``Z``, ``UTC``, ``GMT``, ``+02``, ``+0200`` or ``+02:00``.

    Raises:
        ValueError: another text, or an offset of a day or more.
    """
    if text in _UTC_NAMES:
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError("an offset such as +02:00 is expected")
    sign, hours, minutes = match.groups()
    if int(minutes or 0) >= 60:
        raise ValueError("an offset that exists is expected")
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


def in_utc(instant: datetime, *, path: str = "instant") -> datetime:
    """The same instant in UTC.

    Raises:
        Malformed: it is outside the years that exist.
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Malformed(path, _EXISTING) from None
