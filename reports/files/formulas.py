"""Text that no spreadsheet runs: what could begin a formula gets an apostrophe."""

import re

# A plain number that fills a cell is inert.
_NUMBER = r'[ "]*[+-]?[0-9]+(?:[.,][0-9]+)?[ "]*'
# The start of the text, or a separator, before something that spreadsheets read as a formula;
# they skip blanks and quotes before it, and know the full-width signs too.
_FORMULA = re.compile(
    rf"(?:^(?!{_NUMBER}$)|(?P<mark>[,;|\t\r\n])(?!{_NUMBER}(?:$|(?P=mark))))"
    r'(?=[ "]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])'
)
#: Without one of these nothing is a formula.
_SIGNS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
_ANY_SIGN = re.compile(f"[{re.escape(_SIGNS)}]")
#: Without one of these only the start of a text can begin a formula.
_ANY_MARK = re.compile(r"[,;|\t\r\n]")


def escape_formula(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet could begin to read a formula."""
    if not _ANY_SIGN.search(text):
        return text
    # Most ids and dates have a sign that begins nothing: neither the text nor a part of it.
    if not _ANY_MARK.search(text) and not text.lstrip(' "').startswith(tuple(_SIGNS)):
        return text
    return _FORMULA.sub(r"\g<0>'", text)
