"""Durations given as options, in seconds."""

from ops.settings.durations import parse_duration
from vocabulary.errors import Malformed


def read_seconds(option: str, text: str) -> float:
    """Read a duration such as ``60s``.

    Raises:
        Malformed: anything else; names the option.
    """
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise Malformed(option, f"{error} is expected, not {text!r}") from None
