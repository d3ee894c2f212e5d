"""Write a document as a workbook: exact numbers, dates, links, filters, print layout."""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import xlsxwriter

from reports.document import Document
from reports.files.quick_sheet import QuickSheet
from reports.files.workbook_charts import draw_charts
from reports.files.workbook_formats import Formats
from reports.grid import (
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Linked,
    Value,
    plain,
)
from vocabulary.clock import iso

#: Digits that a spreadsheet stores exactly; longer amounts are written as text.
EXACT_DIGITS = 15
_EXACT_BELOW = 10**EXACT_DIGITS
#: Most rows of one table on a sheet, leaving space for headings and sums.
ROWS_MAX = 1_000_000
#: Most links of one sheet that Excel opens.
LINKS_MAX = 60_000
#: Width of a column whose text overflows, in characters.
_OVERFLOW_WIDTH = 30
#: Height of a line of text and the largest possible row height, in points.
_LINE_POINTS, _ROW_POINTS_MAX = 15, 405
#: Indentation of text, in characters.
_INDENT = 2
#: The row of the first heading; the rows above are frozen.
_HEADING = 3
#: Widest note, in columns: it stays on the screen.
_NOTE_COLUMNS = 12
#: Margins of a printed sheet, in inches.
_MARGINS = {
    "left": Decimal("0.35"),
    "right": Decimal("0.35"),
    "top": Decimal("0.4"),
    "bottom": Decimal("0.6"),
}


def write_workbook(document: Document, path: Path) -> Path:
    """Write the workbook; returns its path."""
    _write_book(document, path)
    return path


def workbook_bytes(document: Document) -> bytes:
    """The workbook as bytes."""
    content = io.BytesIO()
    _write_book(document, content)
    return content.getvalue()


def _write_book(document: Document, target: Path | io.BytesIO) -> None:
    # Strings stay strings: no provider text becomes a formula, a link or a number.
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(target, options) as book:
        # The instant of the report, so that equal reports are equal files.
        book.set_properties(
            {"title": document.title, "created": document.generated_at.replace(tzinfo=None)}
        )
        formats = Formats(book)
        links = _anchors(document)
        for name, tables in groupby(document.grids, key=lambda grid: grid.sheet):
            sheet = _Sheet(book, formats, document, name, links)
            sheet.write(list(tables))
        draw_charts(book, formats, document)


def paper_first(grid: Grid) -> list[int]:
    """The columns in the order of the workbook: those that are printed first."""
    return sorted(range(len(grid.columns)), key=lambda i: not grid.columns[i].on_paper)


def _anchors(document: Document) -> dict[str, str]:
    """Where each row that links lead to will be: sheet and cell, by the row's id."""
    return {
        str(plain(row[grid.anchor])): f"internal:'{grid.sheet}'!A{_HEADING + 2 + number}"
        for grid in document.grids
        if grid.anchor is not None
        for number, row in enumerate(grid.rows[:ROWS_MAX])
    }


_Figure = int | Amount | Instant | date


@dataclass(frozen=True, slots=True)
class _SheetColumn:
    """A column of a table on a sheet.

    Attributes:
        fits: so many characters fit on one line, wherever they are wrapped.
        style: of its texts that are neither a sum nor a link.
        is_text: whether its texts lead nowhere.
    """

    column: Column
    fits: int
    style: Any
    is_text: bool

    @classmethod
    def of(cls, column: Column, formats: Formats) -> "_SheetColumn":
        fits = sys.maxsize if column.overflow else min(_wrapped_widths(column))
        return cls(column, fits, formats.text(column, foot=False), not column.links)


def _widths(tables: Sequence[Grid]) -> list[int]:
    ordered = ([grid.columns[i] for i in paper_first(grid)] for grid in tables)
    return [
        max((column.width for column in stack if column and not column.overflow), default=0)
        or _OVERFLOW_WIDTH
        for stack in zip_longest(*ordered)
    ]


def _printed(grid: Grid) -> int:
    """How many columns of a table are printed."""
    return sum(column.on_paper for column in grid.columns)


class _Sheet:
    """One sheet of the workbook: title lines, then its tables, one below the other."""

    def __init__(
        self, book: Any, formats: Formats, document: Document, name: str, links: dict[str, str]
    ) -> None:
        self._worksheet = book.add_worksheet(name, worksheet_class=QuickSheet)
        self._formats = formats
        self._document = document
        self._links = links
        self._links_left = LINKS_MAX
        self._widths: list[int] = []
        self._digits: dict[str, int] = {}
        title = f"{document.title}: {name}"
        self._worksheet.write_string(0, 0, title, formats.title)

    def write(self, tables: Sequence[Grid]) -> None:
        """Write the tables; a single table gets filters."""
        self._widths = _widths(tables)
        for column, width in enumerate(self._widths):
            self._worksheet.set_column(column, column, width)
        printed = max(map(_printed, tables))
        self._write_wrapped(1, self._document.subtitle, printed)
        end = self._single(tables[0]) if len(tables) == 1 else self._several(tables)
        self._worksheet.print_area(0, 0, max(end - 1, _HEADING), printed - 1)
        set_up_print(self._worksheet, self._document)

    def _single(self, grid: Grid) -> int:
        self._note(2, grid)
        end = self._grid(grid, _HEADING)
        self._worksheet.freeze_panes(_HEADING + 1, 0)
        rows = max(min(len(grid.rows), ROWS_MAX), 1)
        self._worksheet.autofilter(_HEADING, 0, _HEADING + rows, len(grid.columns) - 1)
        self._worksheet.repeat_rows(_HEADING)
        return end

    def _several(self, tables: Sequence[Grid]) -> int:
        line = _HEADING
        for grid in tables:
            self._worksheet.write_string(line, 0, grid.name, self._formats.table_title)
            self._note(line + 1, grid)
            line = self._grid(grid, line + 2) + 2
        self._worksheet.freeze_panes(2, 0)
        return line

    def _note(self, line: int, grid: Grid) -> None:
        self._write_wrapped(line, grid.note, _printed(grid))

    def _write_wrapped(self, line: int, note: str, printed: int) -> None:
        """Write a text over printed columns, on as many lines as it needs: none is cut."""
        last = min(printed, _NOTE_COLUMNS) - 1
        characters = sum(self._widths[: last + 1])
        lines = -(-len(note) * 10 // (characters * 9)) or 1
        self._worksheet.set_row(line, lines * _LINE_POINTS)
        if last > 0:
            self._worksheet.merge_range(line, 0, line, last, note, self._formats.note)
        else:
            self._worksheet.write_string(line, 0, note, self._formats.note)

    def _grid(self, grid: Grid, heading: int) -> int:
        """Write a table with its sums below; returns the first row after it."""
        order = paper_first(grid)
        columns = [grid.columns[i] for i in order]
        lines = max(_lines(column, column.heading) for column in columns)
        self._set_height(heading, lines)
        for number, column in enumerate(columns):
            style = self._formats.heading(column)
            self._worksheet.write_string(heading, number, column.heading, style)
        rows, foot = grid.rows[:ROWS_MAX], grid.foot
        sheet_columns = [_SheetColumn.of(column, self._formats) for column in columns]
        line = heading + 1
        for row in rows:
            self._row(sheet_columns, line, [row[i] for i in order], foot=False)
            line += 1
        if note := rows_note(grid):
            self._worksheet.write_string(line, 0, note, self._formats.subtitle)
            line += 1
        for row in foot:
            self._row(sheet_columns, line, [row[i] for i in order], foot=True)
            line += 1
        self._worksheet.span(range(heading + 1, line), len(order))
        return line

    def _row(
        self, columns: Sequence[_SheetColumn], line: int, row: GridRow, *, foot: bool
    ) -> None:
        lines = 1
        for number, (column, value) in enumerate(zip(columns, row, strict=True)):
            if type(value) is str and column.is_text and not foot:
                self._worksheet.put_text(line, number, value, column.style)
                if len(value) > column.fits:
                    lines = max(lines, _lines(column.column, value))
            else:
                lines = max(lines, self._cell(line, number, column, value, foot=foot))
        self._set_height(line, lines)

    def _cell(
        self, line: int, number: int, column: _SheetColumn, value: Value, *, foot: bool
    ) -> int:
        """Write any cell; returns how many lines it needs."""
        target = self._target(column.column, value)
        if target:
            # The link first: what is written over it keeps it.
            self._worksheet.write_url(line, number, target)
        shown = plain(value)
        if not isinstance(shown, str):
            self._write(line, number, column.column, shown, foot=foot, link=bool(target))
            return 1
        style = column.style
        if foot or target:
            style = self._formats.text(column.column, foot=foot, link=bool(target))
        self._worksheet.put_text(line, number, shown, style)
        return _lines(column.column, shown) if len(shown) > column.fits else 1

    def _target(self, column: Column, value: Value) -> str:
        if not column.links and type(value) is not Linked:
            return ""
        to = value.to if isinstance(value, Linked) else str(value)
        target = self._links.get(to, "") if self._links_left else ""
        self._links_left -= bool(target)
        return target

    def _set_height(self, line: int, lines: int) -> None:
        # Not every program computes row heights by itself.
        if lines > 1:
            self._worksheet.set_row(line, min(lines * _LINE_POINTS, _ROW_POINTS_MAX))

    def _write(
        self, line: int, number: int, column: Column, value: _Figure, *, foot: bool, link: bool
    ) -> None:
        sheet, formats = self._worksheet, self._formats
        if isinstance(value, Amount):
            digits = self._digits_of(value)
            exact = Decimal(value.minor).scaleb(-digits)
            if abs(value.minor) < _EXACT_BELOW:
                style = formats.amount(digits, column, foot=foot, link=link)
                sheet.put_number(line, number, exact, style)
            else:
                style = formats.text(column, foot=foot, link=link)
                sheet.put_text(line, number, f"{exact:f}", style)
        elif isinstance(value, Instant | date):
            style = formats.moment(_pattern(value), foot=foot)
            sheet.put_datetime(line, number, _moment(value), style)
        else:
            sheet.put_number(line, number, value, formats.count(foot=foot, link=link))

    def _digits_of(self, value: Amount) -> int:
        """Digits after the decimal point, looked up once for each currency."""
        if value.digits is not None:
            return value.digits
        if value.currency not in self._digits:
            self._digits[value.currency] = self._document.digits_of(value)
        return self._digits[value.currency]


def set_up_print(worksheet: Any, document: Document) -> None:
    """Landscape A4, as wide as the sheet, with a footer that numbers the pages."""
    worksheet.set_landscape()
    worksheet.set_paper(9)  # A4
    worksheet.set_margins(**_MARGINS)
    worksheet.fit_to_pages(1, 0)
    title, at = _printable(document.title), iso(document.generated_at)
    worksheet.set_footer(f"&L{title}&C{at}&RPage &P of &N")


@lru_cache(maxsize=1_000)
def _moment(value: Instant | date) -> datetime:
    """A date cell has no zone; the headings say that it is UTC."""
    if isinstance(value, Instant):
        return value.at.astimezone(UTC).replace(tzinfo=None)
    return datetime.combine(value, time())


def _pattern(value: Instant | date) -> str:
    if not isinstance(value, Instant):
        return "yyyy-mm-dd"
    return "yyyy-mm-dd hh:mm:ss" + (".000" if value.at.microsecond else "")


def _lines(column: Column, value: Value) -> int:
    """How many lines a value needs in its column; text wrapped at words gets a reserve."""
    text = plain(value)
    if column.overflow or not isinstance(text, str):
        return 1
    at_words, at_any = _wrapped_widths(column)
    return -(-len(text) // (at_words if " " in text else at_any))


def _wrapped_widths(column: Column) -> tuple[int, int]:
    """Characters on one line of a text that is wrapped at words, and at any character."""
    return column.width * 9 // 10, column.width - _INDENT


def rows_note(grid: Grid) -> str:
    """The note below a table without rows, or with more rows than a sheet can hold."""
    if not grid.rows:
        return grid.empty
    missing = len(grid.rows) - ROWS_MAX
    return f"and {missing:,} more: all are in the table {grid.slug}.csv" if missing > 0 else ""


def _printable(text: str) -> str:
    return text.replace("&", "&&")
