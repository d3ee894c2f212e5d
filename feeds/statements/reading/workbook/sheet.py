"""One sheet of a workbook, row by row: cells with the types, numbers and places of the file.

Formulas are not computed. Numbers in a workbook are doubles; a cell has the shortest text that
stands for the same double, and ``feeds.statements.reading.cells`` decides whether a field
accepts it. Rows whose numbers repeat or descend, and cells that are elsewhere than they say,
are refused: readers disagree about them.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from feeds.statements.reading.cells import EMPTY, Cell, CellKind, row_json
from feeds.statements.reading.table import TableRow, UnreadableRow
from feeds.statements.reading.workbook.dates import NumberFormats, instant_text
from feeds.statements.reading.workbook.xml_events import (
    Attributes,
    DamagedXml,
    LocalNames,
    feed,
    new_parser,
)

#: The last row and column that a sheet can have.
ROWS_MAX = 1 << 20
COLUMNS_MAX = 1 << 14

_WHOLE = re.compile(r"-?[0-9]{1,400}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Excel's way to write a control character; other programs mean these letters.
_ESCAPED = re.compile("_x[0-9A-Fa-f]{4}_")
#: Whole doubles below it are written without an exponent.
_PLAIN_MAX = 10**15
_LETTERS_MAX = 3
_PLACE_CHARS = 12


class TextsReader:
    """The shared texts of a workbook, in the order in which cells refer to them."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._names = LocalNames()
        self._parts: list[str] = []
        self._is_text = False
        self._phonetic = 0

    def read(self, chunks: Iterable[bytes]) -> list[str]:
        """The texts of the part.

        Raises:
            DamagedXml: the part is no well-formed XML.
        """
        parser = new_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        for chunk in chunks:
            feed(parser, chunk)
        feed(parser, b"", is_last=True)
        return self.texts

    def _start(self, qualified: str, _attributes: Attributes) -> None:
        name = self._names[qualified]
        if name == "rPh":
            self._phonetic += 1
        self._is_text = name == "t" and not self._phonetic

    def _end(self, qualified: str) -> None:
        name = self._names[qualified]
        self._is_text = False
        if name == "si":
            self.texts.append("".join(self._parts))
            self._parts.clear()
        elif name == "rPh":
            self._phonetic -= 1

    def _characters(self, data: str) -> None:
        if self._is_text:
            self._parts.append(data)


class SheetReader:
    """Reads the rows of one sheet.

    Args:
        texts: the shared texts.
        formats: the styles that show numbers as dates.
        since_1904: days count from 1904, not from 1900.
    """

    def __init__(
        self, texts: Sequence[str], formats: NumberFormats, *, since_1904: bool = False
    ) -> None:
        self._texts = texts
        self._formats = formats
        self._since_1904 = since_1904
        self._names = LocalNames()
        self._columns: dict[str, int] = {}
        self._done: list[TableRow | UnreadableRow] = []
        self._line = self._last = 0
        self._suffix = self._problem = ""
        self._cells: list[Cell] = []
        self._parts: list[str] = []
        self._type = self._style = self._place = ""
        self._in_row = self._in_cell = self._is_value = self._is_formula = False
        self._phonetic = 0

    def rows(self, chunks: Iterable[bytes]) -> Iterator[TableRow | UnreadableRow]:
        """Every row that has a value, in the order of the file.

        Raises:
            DamagedXml: the part is no well-formed XML.
        """
        parser = new_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        for chunk in chunks:
            feed(parser, chunk)
            yield from self._done
            self._done.clear()
        feed(parser, b"", is_last=True)
        yield from self._done

    def _start(self, qualified: str, attributes: Attributes) -> None:
        name = self._names[qualified]
        if name == "c" and self._in_row:
            self._start_cell(attributes)
        elif name == "v":
            self._is_value = self._in_cell
        elif name == "t":
            self._is_value = self._in_cell and not self._phonetic
        elif name == "f":
            self._is_formula = self._in_cell
        elif name == "row":
            self._start_row(attributes.get("r"))
        elif name == "rPh":
            self._phonetic += 1

    def _end(self, qualified: str) -> None:
        name = self._names[qualified]
        if name == "c" and self._in_cell:
            self._end_cell()
        elif name in {"v", "t"}:
            self._is_value = False
        elif name == "row":
            self._end_row()
        elif name == "rPh":
            self._phonetic -= 1

    def _characters(self, data: str) -> None:
        if self._is_value:
            self._parts.append(data)

    def _start_row(self, number: str | None) -> None:
        self._in_row, self._problem, self._cells = True, "", []
        if number is None:
            self._line = self._last + 1
        elif number.isdecimal() and len(number) <= len(str(ROWS_MAX)):
            self._line = int(number)
        else:
            raise DamagedXml("a row number is expected")
        if self._line <= self._last:
            self._problem = (
                f"row: it comes after row {self._last}; each row number is expected once and"
                " in order, so nobody can say which of the rows counts"
            )
        self._last = max(self._last, self._line)
        self._suffix = str(self._line)

    def _end_row(self) -> None:
        self._in_row = False
        cells = self._cells
        while cells and cells[-1].kind is CellKind.EMPTY:
            cells.pop()
        if not cells:
            return
        if self._problem:
            self._done.append(UnreadableRow(self._line, self._problem))
            return
        raw = row_json([cell.text for cell in cells])
        row = TableRow(self._line, tuple(cells), raw.encode("utf-8", "backslashreplace"))
        self._done.append(row)

    def _start_cell(self, attributes: Attributes) -> None:
        self._in_cell, self._is_formula = True, False
        self._parts.clear()
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "0")
        place = attributes.get("r")
        if place is None:
            place = column_letters(len(self._cells) + 1) + self._suffix
        self._place = place
        missing = self._column(place) - 1 - len(self._cells)
        if missing > 0:
            self._cells.extend([EMPTY] * missing)
        elif missing < 0:
            self._problem = (
                f"cell {place[:_PLACE_CHARS]}: each cell of row {self._line} is expected once"
                " and in order"
            )

    def _end_cell(self) -> None:
        self._in_cell = self._is_value = False
        text = "".join(self._parts)
        if self._is_formula:
            cell = Cell(text, CellKind.FORMULA, self._place)
        elif not text:
            cell = EMPTY
        else:
            cell = self._cell(text)
        self._cells.append(cell)

    def _column(self, place: str) -> int:
        """The number of the column of a cell of this row; 0: there is none."""
        if not place.endswith(self._suffix):
            return 0
        letters = place[: -len(self._suffix)]
        column = self._columns.get(letters)
        if column is None:
            column = self._columns[letters] = column_number(letters)
        return column

    def _cell(self, text: str) -> Cell:
        match self._type:
            case "s":
                return self._text(self._shared(text))
            case "n":
                return self._number(text)
            case "inlineStr" | "str":
                return self._text(text)
            case "d":
                text = f"{text}T00:00:00" if _DAY.fullmatch(text) else text
                return Cell(text, CellKind.INSTANT, self._place)
            case "b":
                return Cell(
                    "true" if text.strip() == "1" else "false", CellKind.FLAG, self._place
                )
            case _:
                return Cell("", CellKind.BROKEN, self._place)

    def _text(self, text: str) -> Cell:
        if not text:
            return EMPTY
        if "_x" in text and _ESCAPED.search(text):
            return Cell("", CellKind.BROKEN, self._place)
        return Cell(text, CellKind.TEXT, self._place)

    def _shared(self, text: str) -> str:
        if text.isdecimal() and len(text) < len(str(1 << 31)) and int(text) < len(self._texts):
            return self._texts[int(text)]
        self._problem = (
            f"cell {self._place}: it refers to a text that the workbook does not have;"
            " the workbook is damaged"
        )
        return ""

    def _number(self, text: str) -> Cell:
        number = number_text(text)
        if number is None:
            return Cell("", CellKind.BROKEN, self._place)
        if self._style in self._formats.durations:
            return Cell("", CellKind.BROKEN, self._place)
        if self._style in self._formats.dates:
            instant = instant_text(Decimal(number), since_1904=self._since_1904)
            kind = CellKind.BROKEN if instant is None else CellKind.INSTANT
            return Cell(instant or "", kind, self._place)
        return Cell(number, CellKind.DOUBLE, self._place)


def number_text(text: str) -> str | None:
    """The shortest text for the number of a cell; None: it is none."""
    if _WHOLE.fullmatch(text):
        return str(int(text))
    if not _NUMBER.fullmatch(text):
        return None
    # JSON's numbers are the doubles that workbooks mean.
    double = json.loads(format(Decimal(text), "e"))
    if not math.isfinite(double):
        return None
    number = Decimal(repr(double))
    is_whole = abs(number) < _PLAIN_MAX and number == number.to_integral_value()
    return str(int(number)) if is_whole else repr(double)


def column_number(letters: str) -> int:
    """The number of a column, such as 28 for AB; 0: a sheet has none of this name."""
    number = 0
    if (
        0 < len(letters) <= _LETTERS_MAX
        and letters.isascii()
        and letters.isalpha()
        and letters.isupper()
    ):
        for letter in letters:
            number = number * 26 + ord(letter) - ord("A") + 1
    return number if number <= COLUMNS_MAX else 0


def column_letters(number: int) -> str:
    """The letters of a column."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
