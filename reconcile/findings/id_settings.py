"""Which setting of statement files reads two spellings of an id as one."""

from collections.abc import Callable, Mapping

from feeds.statements.reading.file_format import IdCase
from feeds.statements.reading.values.text import trimmed

_CASED: Mapping[IdCase, Callable[[str], str]] = {
    IdCase.EXACT: str,
    IdCase.LOWER: str.lower,
    IdCase.UPPER: str.upper,
}


def joining_settings(ours: str, theirs: str) -> str:
    """Say which settings store the provider's spelling of an id as ours."""
    trim = "" if theirs == trimmed(theirs) else "id_trim = true"
    for case, cased in _CASED.items():
        if ours == cased(trimmed(theirs)):
            same_case = "" if case is IdCase.EXACT else f'id_case = "{case}"'
            settings = " and ".join(filter(None, (trim, same_case)))
            return f"in a statement file, {settings} would read them as one"
    return "neither id_trim nor id_case would read them as one, so ask the provider"
