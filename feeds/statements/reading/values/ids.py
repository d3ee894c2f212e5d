"""Ids as the callbacks carry them: text, without what a spreadsheet made of it."""

import re
from decimal import Decimal

from feeds.statements.reading.cells import DOUBLE_DIGITS, Cell, CellKind
from feeds.statements.reading.file_format import FileRules, IdCase
from vocabulary.errors import Malformed

#: How programs write a computed number; an id such as 7e10 or 12.34 is none.
_COMPUTED = re.compile(
    r"[0-9]+[.,]0+|[0-9]+[.,][0-9]+[eE]\+?[0-9]{1,3}|[0-9]+[eE]\+[0-9]{1,3}", re.ASCII
)
_LOST = "an id is expected; as a computed number it has lost digits"


def id_text(cell: Cell, text: str, name: str, rules: FileRules) -> str:
    """The id in a cell, whose text is trimmed and unprotected.

    Raises:
        Malformed: the cell has no id, or one that lost digits.
    """
    if cell.kind is CellKind.TEXT:
        return _cased(_written(text, name, rules), rules)
    if cell.kind is CellKind.INSTANT:
        raise Malformed(name, "an id is expected, not a date")
    return _whole_number(cell, name, rules)


def _written(text: str, name: str, rules: FileRules) -> str:
    """An id that the file has as text."""
    if text.isascii() and text.isalnum():
        return text
    if text.startswith(("=", "'")):
        raise Malformed(name, "an id is expected, not a formula or text in apostrophes")
    if not text.isprintable():
        raise Malformed(name, "an id without invisible characters and line breaks is expected")
    if _COMPUTED.fullmatch(text) is None:
        return text
    if not rules.numeric_ids:
        raise Malformed(name, _LOST)
    return _complete(text, name)


def _complete(text: str, name: str) -> str:
    """The digits of a computed number, if it was written with all of them."""
    number = Decimal(text.replace(",", "."))
    written = len(re.split("[eE]", text)[0].lstrip("+-0").replace(".", "").replace(",", ""))
    if number != number.to_integral_value() or not 0 <= number.adjusted() < DOUBLE_DIGITS:
        raise Malformed(name, _LOST)
    if number.adjusted() + 1 > written:
        raise Malformed(name, _LOST)
    return _digits(number, name)


def _whole_number(cell: Cell, name: str, rules: FileRules) -> str:
    """An id that the file has as a number."""
    number = Decimal(cell.text)
    is_plain = cell.kind is CellKind.EXACT and cell.text.isdigit()
    if not is_plain and (not number.is_finite() or number.adjusted() >= DOUBLE_DIGITS):
        over = f"text is expected; a number of over {DOUBLE_DIGITS} digits has lost the last"
        raise Malformed(name, over if len(number.as_tuple().digits) > DOUBLE_DIGITS else _LOST)
    digits = cell.text if is_plain else _digits(number, name)
    if not rules.numeric_ids:
        raise Malformed(
            name, "text is expected; a number has no leading zeros (setting numeric_ids)"
        )
    return digits


def _digits(number: Decimal, name: str) -> str:
    if number < 0 or number != number.to_integral_value():
        raise Malformed(name, _LOST)
    return str(int(number))


def _cased(text: str, rules: FileRules) -> str:
    match rules.id_case:
        case IdCase.LOWER:
            return text.lower()
        case IdCase.UPPER:
            return text.upper()
        case IdCase.EXACT:
            return text
