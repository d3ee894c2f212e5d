"""Durations as text, such as ``15m``."""

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)", re.ASCII)
#: Longest duration: from now, an instant before or behind it is still in the calendar.
LONGEST = timedelta(days=365_000)
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def parse_duration(value: object) -> timedelta:
    """Read ``"15m"``, ``"2s"``, ``"500ms"``, ``"6h"`` or ``"1d"``, at most ``LONGEST``.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration such as "15m", "2s" or "500ms"')
    duration = int(match.group(1)) * _UNITS[match.group(2)]
    if duration > LONGEST:
        raise ValueError(f"a duration up to {LONGEST.days}d")
    return duration


def duration_text(value: timedelta) -> str:
    """Return the shortest text that ``parse_duration`` reads back as the same duration."""
    for unit, length in reversed(_UNITS.items()):
        if value and not value % length:
            return f"{value // length}{unit}"
    return "0s"
