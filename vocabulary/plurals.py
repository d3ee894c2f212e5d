"""Counts with their nouns: one line, two lines. Pure."""

#: Endings after which a plural takes ``es``.
_SIBILANTS = ("s", "x", "z", "ch", "sh")
_VOWELS = "aeiou"


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun; see ``plural``."""
    return f"{count} {plural(count, noun, nouns)}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """A noun in the number that a count takes.

    Args:
        count: how many there are.
        noun: for one; may bring its verb, ``line is``.
        nouns: for any other count; None: the regular plural of the noun.
    """
    if count == 1:
        return noun
    return nouns or _regular(noun)


def _regular(noun: str) -> str:
    if noun.endswith(_SIBILANTS):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}s"
