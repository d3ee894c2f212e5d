"""Numbers that providers give to their invoices. Pure."""

from unicodedata import normalize


def number_key(number: str) -> str:
    """A number by which two spellings of it are one: NFKC, folded, without blanks."""
    return "".join(normalize("NFKC", number).casefold().split())
