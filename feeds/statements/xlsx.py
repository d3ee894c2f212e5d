"""Workbooks as tables: every cell as the file types it; formulas and dates are never computed.

A workbook's numbers are doubles. They are told as the shortest text that means the same double;
whether that text can be what was meant is for whoever reads the field.
"""

import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from feeds.findings import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind
from feeds.statements.file_format import FileRules
from feeds.statements.table import Table, TableRow, UnreadableRow

#: Bytes of an unpacked workbook; a million lines have about 300 MB.
UNPACKED_BYTES_MAX = 1 << 30

_CUT = "a workbook is expected, this one is broken or cut"
_FOREIGN = (
    zipfile.BadZipFile,
    InvalidFileException,
    ParseError,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    TypeError,
    NotImplementedError,
)


def xlsx_table(stream: BinaryIO, rules: FileRules) -> Table | UnreadableRow:
    """One sheet of a workbook, its first row being the header."""
    try:
        if wrong := _unsound(stream):
            return wrong
        book = openpyxl.load_workbook(stream, read_only=True)
        if rules.sheet is None and len(book.sheetnames) > 1:
            reason = "one sheet is expected; several have to be told apart (setting sheet)"
            return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
        name = rules.sheet or book.sheetnames[0]
        if name not in book.sheetnames:
            reason = f"a sheet {name} is expected, as declared"
            return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
        sheet = book[name]
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        rows = _rows(sheet)
        first = next(rows, None)
    except _FOREIGN:
        return UnreadableRow(1, _CUT, FindingKind.TRUNCATED_FILE)
    if first is None or isinstance(first, UnreadableRow):
        reason = "a header is expected, the sheet is empty"
        return first or UnreadableRow(1, reason, FindingKind.EMPTY_FILE)
    header = tuple(cell.text.strip() for cell in first.cells)
    return Table(header, (_padded(row, len(header)) for row in rows))


def _unsound(stream: BinaryIO) -> UnreadableRow | None:
    """Why the archive cannot be unpacked, if it cannot."""
    with zipfile.ZipFile(stream) as packed:
        size = sum(part.file_size for part in packed.infolist())
        if size > UNPACKED_BYTES_MAX:
            reason = f"at most {UNPACKED_BYTES_MAX} unpacked bytes are expected"
            return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
        if packed.testzip() is not None:
            return UnreadableRow(1, _CUT, FindingKind.TRUNCATED_FILE)
    stream.seek(0)
    return None


def _rows(sheet: Any) -> Iterator[TableRow | UnreadableRow]:
    line = 0
    try:
        for line, row in enumerate(sheet.iter_rows(), start=1):
            cells = tuple(_cell(each, line, column) for column, each in enumerate(row, start=1))
            if any(cell.kind is not CellKind.EMPTY for cell in cells):
                raw = json.dumps([cell.text for cell in cells], ensure_ascii=False)
                yield TableRow(line, cells, raw.encode("utf-8", "backslashreplace"))
    except _FOREIGN:
        yield UnreadableRow(line + 1, _CUT, FindingKind.TRUNCATED_FILE)


def _padded(row: TableRow | UnreadableRow, width: int) -> TableRow | UnreadableRow:
    """A sheet does not write the empty cells at the end of a row."""
    if isinstance(row, UnreadableRow) or len(row.cells) >= width:
        return row
    missing = (EMPTY,) * (width - len(row.cells))
    return TableRow(row.line, row.cells + missing, row.raw)


def _cell(each: Any, line: int, column: int) -> Cell:
    value = each.value
    if value is None or value == "":
        return EMPTY
    return _typed(value, each.data_type, f"{get_column_letter(column)}{line}")


def _typed(value: object, data_type: str, place: str) -> Cell:
    if data_type == "f":
        return Cell("", CellKind.FORMULA, place)
    if data_type == "e":
        return Cell("", CellKind.BROKEN, place)
    match value:
        case bool():
            return Cell(str(value).lower(), CellKind.FLAG, place)
        case int() | float():
            return Cell(repr(value), CellKind.DOUBLE, place)
        case datetime():
            return Cell(_seconds(value), CellKind.INSTANT, place)
        case str():
            return Cell(value, CellKind.TEXT, place)
        case _:
            return Cell("", CellKind.BROKEN, place)


def _seconds(value: datetime) -> str:
    return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
