"""Cells of statement files, normalized to the text that a dialect reads. Pure.

Spreadsheets and exports damage values: ids become numbers and lose digits, amounts become
formulas, instants lose their zone. A damaged cell is refused with its place. Formatting that
the settings declare is undone. Nothing is guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from feeds.statements.file_format import FileRules
from providers.statements.format import FieldKind
from vocabulary.errors import Malformed

#: Decimal digits that a double keeps; spreadsheets store numbers as doubles.
DOUBLE_DIGITS = 15

_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+", re.ASCII)
_WHOLE_FLOAT = re.compile(r"[0-9]+\.0+", re.ASCII)
_FLOAT_NOISE = re.compile(r"-?[0-9]*\.[0-9]*(?:0{6,}|9{6,})[0-9]{1,4}", re.ASCII)
_LOCAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?", re.ASCII
)
_OFFSET = re.compile(_LOCAL.pattern + r"[+-][0-9]{2}:?[0-9]{2}", re.ASCII)


class CellKind(StrEnum):
    """The type of a cell, as its file declares it; cells of CSV files are text or empty.

    ``DOUBLE`` is a binary number, ``EXACT`` one with all its digits.
    """

    TEXT = "text"
    EMPTY = "empty"
    DOUBLE = "double"
    EXACT = "exact"
    INSTANT = "instant"
    FLAG = "flag"
    FORMULA = "formula"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a file.

    Attributes:
        text: as in the file; an instant in ISO 8601, with its zone if it has one.
        place: such as ``B7`` if the file has such names; else empty.
    """

    text: str
    kind: CellKind = CellKind.TEXT
    place: str = ""


EMPTY = Cell("", CellKind.EMPTY)


def normalized(cell: Cell, name: str, kind: FieldKind, rules: FileRules) -> Cell:
    """The cell in the notation of the dialect; text that only the dialect can judge is left.

    Raises:
        Malformed: the value is damaged, or not written as declared.
    """
    normalize = _refuse if cell.kind in _REFUSED else _NORMALIZE[kind]
    try:
        return cell if cell.kind is CellKind.EMPTY else normalize(cell, name, rules)
    except Malformed as error:
        if not cell.place:
            raise
        raise Malformed(f"cell {cell.place}, {error.path}", error.reason) from None


#: Kinds of cells that no field accepts.
_REFUSED: Mapping[CellKind, str] = MappingProxyType(
    {
        CellKind.FORMULA: "a value is expected, not a formula; save the values",
        CellKind.BROKEN: "a value is expected, not an error or a list",
        CellKind.FLAG: "text is expected, not true or false",
    }
)


def _refuse(cell: Cell, name: str, _rules: FileRules) -> Cell:
    raise Malformed(name, _REFUSED[cell.kind])


def _id(cell: Cell, name: str, rules: FileRules) -> Cell:
    if cell.kind is CellKind.TEXT:
        if _SCIENTIFIC.fullmatch(cell.text) or _WHOLE_FLOAT.fullmatch(cell.text):
            raise Malformed(name, "an id is expected; as a computed number it has lost digits")
        return cell
    if cell.kind is CellKind.INSTANT:
        raise Malformed(name, "an id is expected, not a date")
    if cell.kind is CellKind.DOUBLE and len(cell.text.lstrip("-")) > DOUBLE_DIGITS:
        raise Malformed(
            name, f"text is expected; a number of over {DOUBLE_DIGITS} digits has lost the last"
        )
    if not cell.text.isdigit():
        raise Malformed(name, "an id is expected; as a computed number it has lost digits")
    if not rules.numeric_ids:
        raise Malformed(
            name, "text is expected; a number has no leading zeros (setting numeric_ids)"
        )
    return Cell(cell.text, place=cell.place)


def _word(cell: Cell, name: str, _rules: FileRules) -> Cell:
    if cell.kind is not CellKind.TEXT:
        raise Malformed(name, "text is expected")
    return cell


def _amount(cell: Cell, name: str, rules: FileRules) -> Cell:
    if cell.kind is CellKind.INSTANT:
        raise Malformed(name, "an amount is expected, not a date")
    if cell.kind is CellKind.DOUBLE:
        return Cell(_short_decimal(cell.text, name), place=cell.place)
    text = cell.text
    if cell.kind is CellKind.TEXT:
        text = _plain_decimal(text, name, rules)
    if _FLOAT_NOISE.fullmatch(text):
        raise Malformed(name, "an amount is expected, not float noise")
    return replace(cell, text=text)


def _short_decimal(text: str, name: str) -> str:
    """A double as a plain decimal, if it stands for one of few digits."""
    number = Decimal(text)
    if len(number.as_tuple().digits) > DOUBLE_DIGITS:
        raise Malformed(name, "an amount is expected, not float noise")
    return format(number, "f")


def _plain_decimal(text: str, name: str, rules: FileRules) -> str:
    """An amount written as declared, as a plain decimal with a point."""
    point, group = rules.decimal, rules.thousands
    if (point, group) == (".", ""):
        if "," in text:
            raise Malformed(
                name,
                "a plain decimal amount is expected; a comma has to be declared"
                " (settings decimal, thousands)",
            )
        return text
    whole = rf"[0-9]+|[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}})+" if group else "[0-9]+"
    if re.fullmatch(rf"-?(?:{whole})(?:{re.escape(point)}[0-9]+)?", text, re.ASCII) is None:
        marks = f"decimal {point!r}" + (f" and thousands {group!r}" if group else "")
        raise Malformed(name, f"an amount with {marks} is expected, as declared")
    return (text.replace(group, "") if group else text).replace(point, ".")


def _instant(cell: Cell, name: str, rules: FileRules) -> Cell:
    if cell.kind in {CellKind.DOUBLE, CellKind.EXACT}:
        raise Malformed(name, "a date is expected, not a number; format the cells as dates")
    if cell.kind is CellKind.TEXT and rules.dates is not None:
        return replace(cell, text=_utc(_parsed(cell.text, name, rules.dates), name, rules))
    if _LOCAL.fullmatch(cell.text) or _OFFSET.fullmatch(cell.text):
        return Cell(_utc(_iso(cell.text, name), name, rules), place=cell.place)
    return cell


def _iso(text: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(name, "an instant that exists is expected") from None


def _parsed(text: str, name: str, pattern: str) -> datetime:
    try:
        # The pattern may include a zone; if it does not, the declared zone holds.
        return datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        raise Malformed(name, f"an instant of the form {pattern} is expected") from None


def _utc(instant: datetime, name: str, rules: FileRules) -> str:
    if instant.tzinfo is None:
        instant = _zoned(instant, name, rules.zone)
    try:
        in_utc = instant.astimezone(UTC)
    except OverflowError:
        raise Malformed(name, "an instant that exists is expected") from None
    return in_utc.isoformat().replace("+00:00", "Z")


def _zoned(local: datetime, name: str, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        raise Malformed(name, "a time zone is missing and none is declared (setting timezone)")
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise Malformed(
            name, f"an instant with its offset is expected: {zone.key} changed its clocks then"
        )
    return first


_NORMALIZE = MappingProxyType(
    {
        FieldKind.ID: _id,
        FieldKind.WORD: _word,
        FieldKind.AMOUNT: _amount,
        FieldKind.INSTANT: _instant,
    }
)
