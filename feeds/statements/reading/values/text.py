"""Text of cells without what spreadsheets put around it, and words that mean nothing."""

import re

from feeds.statements.reading.cells import Cell, CellKind, shown
from feeds.statements.reading.file_format import FileRules
from vocabulary.errors import Malformed

#: Dashes and words that exports write where a value is missing, in lower case.
NULL_WORDS = frozenset(
    "null (null) [null] \\n nan nat none nil n/a na #n/a <na> undefined - --"
    " \u2013 \u2014".split()
)
_NULL_CHARS_MAX = max(map(len, NULL_WORDS))

#: Blanks, and characters without a width such as U+200B and U+FEFF, as ranges.
_INVISIBLE_RANGES = (
    "\t\r\x1c\x20\x85\x85\xa0\xa0\xad\xad\u061c\u061c\u1680\u1680\u180e\u180e\u2000\u200f"
    "\u2028\u202f\u205f\u2064\u2066\u206f\u3000\u3000\ufeff\ufeff\ufff9\ufffb"
)
INVISIBLE = "".join(
    chr(code)
    for first, last in zip(_INVISIBLE_RANGES[::2], _INVISIBLE_RANGES[1::2], strict=True)
    for code in range(ord(first), ord(last) + 1)
)
_FORMULA_TEXT = re.compile(r'="((?:[^"]|"")*)"')


def trimmed(text: str) -> str:
    """Text without blanks and invisible characters at its ends."""
    return text.strip(INVISIBLE)


def bare(text: str) -> str:
    """Text without blanks around it, and without what protects it from a spreadsheet."""
    if text.isascii() and text.isalnum():
        return text
    text = text.strip(INVISIBLE)
    return trimmed(unprotected(text)) if text.startswith(("=", "'")) else text


def unprotected(text: str) -> str:
    """Text that a spreadsheet protects from being read as a number, without the protection.

    ``="1001"`` and ``'1001`` are 1001; other text with such beginnings is left.
    """
    if text.startswith("="):
        match = _FORMULA_TEXT.fullmatch(text)
        return match[1].replace('""', '"') if match else text
    if text.startswith("'") and "'" not in text[1:]:
        return text[1:]
    return text


def is_null(cell: Cell, text: str, name: str, rules: FileRules) -> bool:
    """Whether the text of a cell means that there is no value, as declared.

    Raises:
        Malformed: it looks like that, and the settings do not declare it.
    """
    declared = rules.null_text
    if declared is not None and text in declared:
        return True
    if len(text) > _NULL_CHARS_MAX or declared == ():
        return False
    if text.lower() in NULL_WORDS and cell.kind in {CellKind.TEXT, CellKind.DOUBLE}:
        raise Malformed(
            name,
            f"a value or an empty cell is expected; if {shown(text)} means that there is none,"
            f" declare it (setting null_text)",
        )
    return False
