"""Workbooks as tables: cells with the types of the file; formulas and dates are not computed.

Numbers in a workbook are doubles. A cell has the shortest text that stands for the same double;
``feeds.statements.cells`` decides whether a field accepts it.
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

#: Largest unpacked workbook, in bytes; a million lines have about 300 MB.
UNPACKED_BYTES_MAX = 1 << 30

_BROKEN = "a workbook is expected, this one is broken or cut"
_READ_ERRORS = (
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
    """One sheet of a workbook as a table; the first row is the header."""
    try:
        if problem := _archive_problem(stream):
            return problem
        book = openpyxl.load_workbook(stream, read_only=True)
        if rules.sheet is None and len(book.sheetnames) > 1:
            reason = "one sheet is expected, this workbook has several (setting sheet)"
            return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
        name = rules.sheet or book.sheetnames[0]
        if name not in book.sheetnames:
            reason = f"a sheet {name} is expected, as declared"
            return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
        sheet = book[name]
        sheet.reset_dimensions()  # the declared dimensions may be wrong
        rows = _rows(sheet)
        first = next(rows, None)
    except _READ_ERRORS:
        return UnreadableRow(1, _BROKEN, FindingKind.TRUNCATED_FILE)
    if first is None or isinstance(first, UnreadableRow):
        reason = "a header is expected, the sheet is empty"
        return first or UnreadableRow(1, reason, FindingKind.EMPTY_FILE)
    header = tuple(cell.text.strip() for cell in first.cells)
    return Table(header, (_padded(row, len(header)) for row in rows))


def _archive_problem(stream: BinaryIO) -> UnreadableRow | None:
    """The reason not to unpack the archive, if there is one."""
    with zipfile.ZipFile(stream) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > UNPACKED_BYTES_MAX:
            reason = f"at most {UNPACKED_BYTES_MAX} unpacked bytes are expected"
            return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
        if archive.testzip() is not None:
            return UnreadableRow(1, _BROKEN, FindingKind.TRUNCATED_FILE)
    stream.seek(0)
    return None


def _rows(sheet: Any) -> Iterator[TableRow | UnreadableRow]:
    line = 0
    try:
        for line, row in enumerate(sheet.iter_rows(), start=1):
            cells = tuple(_cell(cell, line, column) for column, cell in enumerate(row, start=1))
            if any(cell.kind is not CellKind.EMPTY for cell in cells):
                raw = json.dumps([cell.text for cell in cells], ensure_ascii=False)
                yield TableRow(line, cells, raw.encode("utf-8", "backslashreplace"))
    except _READ_ERRORS:
        yield UnreadableRow(line + 1, _BROKEN, FindingKind.TRUNCATED_FILE)


def _padded(row: TableRow | UnreadableRow, width: int) -> TableRow | UnreadableRow:
    """The row with the empty cells at its end, which a sheet leaves out."""
    if isinstance(row, UnreadableRow) or len(row.cells) >= width:
        return row
    missing = (EMPTY,) * (width - len(row.cells))
    return TableRow(row.line, row.cells + missing, row.raw)


def _cell(cell: Any, line: int, column: int) -> Cell:
    value = cell.value
    if value is None or value == "":
        return EMPTY
    return _typed(value, cell.data_type, f"{get_column_letter(column)}{line}")


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
