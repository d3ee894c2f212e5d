"""Write a pack as a workbook: numbers in their currency's digits, filters, print layout."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import xlsxwriter

from reports.grid import Amount, Column, Grid, GridRow, Instant, Value
from reports.pack import Pack
from reports.tables.contents import grids
from vocabulary.clock import iso

#: Digits that a spreadsheet stores exactly; longer amounts are written as text.
EXACT_DIGITS = 15
#: Most rows of one table on a sheet, leaving space for headings and sums.
ROWS_MAX = 1_000_000
#: Width of a column whose text overflows, in characters.
_OVERFLOW_WIDTH = 30
#: Height of a line of text and the largest possible row height, in points.
_LINE_POINTS, _ROW_POINTS_MAX = 15, 405
#: Indentation of text, in characters.
_INDENT = 2
#: The row of the first heading; the rows above are frozen.
_HEADING = 3


def write_workbook(pack: Pack, path: Path) -> Path:
    """Write the workbook; returns its path."""
    # Strings stay strings: no provider text becomes a formula, a link or a number.
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(path, options) as book:
        # The instant of the report, so that equal reports are equal files.
        book.set_properties(
            {"title": pack.title, "created": pack.generated_at.replace(tzinfo=None)}
        )
        formats = _Formats(book)
        for name, tables in groupby(grids(pack), key=lambda grid: grid.sheet):
            _Sheet(book, formats, pack, name).write(list(tables))
    return path


class _Formats:
    """The workbook's cell formats, each created once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.table_title = book.add_format({"bold": True, "font_size": 12})
        self.note = book.add_format({"font_color": "#555555"})
        self._cached: dict[tuple[object, ...], Any] = {}

    def heading(self, column: Column) -> Any:
        style = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}
        return self._format(
            ("heading", column.number), {**style, **_alignment(column), "valign": "vcenter"}
        )

    def text(self, column: Column, *, foot: bool) -> Any:
        style = {"text_wrap": not column.overflow, **_alignment(column)}
        key = ("text", column.overflow, column.number, foot)
        return self._format(key, _cell_style(style, foot=foot))

    def count(self, *, foot: bool) -> Any:
        return self._format(("count", foot), _cell_style({"num_format": "#,##0"}, foot=foot))

    def moment(self, pattern: str, *, foot: bool) -> Any:
        style = {"num_format": pattern, "align": "left", "indent": 1}
        return self._format(("moment", pattern, foot), _cell_style(style, foot=foot))

    def amount(self, digits: int, column: Column, *, foot: bool) -> Any:
        plain = "#,##0" + ("." + "0" * digits if digits else "")
        pattern = f"{plain};-{plain}"
        if column.signed:
            pattern = f"+{plain};-{plain};{plain}"
        if column.owed:
            pattern = f"[Red]+{plain};[Blue]-{plain};{plain}"
        return self._format(
            ("amount", pattern, foot), _cell_style({"num_format": pattern}, foot=foot)
        )

    def _format(self, key: tuple[object, ...], style: dict[str, object]) -> Any:
        if key not in self._cached:
            self._cached[key] = self._book.add_format(style)
        return self._cached[key]


def _alignment(column: Column) -> dict[str, object]:
    # Indented, because the column before it may end with figures.
    return {"align": "right"} if column.number else {"align": "left", "indent": 1}


def _cell_style(style: dict[str, object], *, foot: bool) -> dict[str, object]:
    return {**style, "valign": "top", **({"bold": True, "top": 1} if foot else {})}


def _widths(tables: Sequence[Grid]) -> list[int]:
    columns = zip_longest(*(grid.columns for grid in tables))
    return [
        max((column.width for column in stack if column and not column.overflow), default=0)
        or _OVERFLOW_WIDTH
        for stack in columns
    ]


class _Sheet:
    """One sheet of the workbook: title lines, then its tables, one below the other."""

    def __init__(self, book: Any, formats: _Formats, pack: Pack, name: str) -> None:
        self._worksheet = book.add_worksheet(name)
        self._formats = formats
        self._pack = pack
        self._worksheet.write_string(0, 0, f"{pack.title}: {name}", formats.title)
        self._worksheet.write_string(1, 0, _subtitle(pack), formats.note)

    def write(self, tables: Sequence[Grid]) -> None:
        """Write the tables; a single table gets filters."""
        for column, width in enumerate(_widths(tables)):
            self._worksheet.set_column(column, column, width)
        if len(tables) == 1:
            self._single_table(tables[0])
        else:
            self._several_tables(tables)
        self._set_up_print()

    def _single_table(self, grid: Grid) -> None:
        self._worksheet.write_string(2, 0, grid.note, self._formats.note)
        self._grid(grid, _HEADING)
        self._worksheet.freeze_panes(_HEADING + 1, 0)
        rows = max(min(len(grid.rows), ROWS_MAX), 1)
        self._worksheet.autofilter(_HEADING, 0, _HEADING + rows, len(grid.columns) - 1)
        self._worksheet.repeat_rows(_HEADING)

    def _several_tables(self, tables: Sequence[Grid]) -> None:
        line = _HEADING
        for grid in tables:
            self._worksheet.write_string(line, 0, grid.name, self._formats.table_title)
            self._worksheet.write_string(line + 1, 0, grid.note, self._formats.note)
            line = self._grid(grid, line + 2) + 2
        self._worksheet.freeze_panes(2, 0)

    def _grid(self, grid: Grid, heading: int) -> int:
        """Write a table with its sums below; returns the first row after it."""
        self._set_height(grid.columns, heading, [column.heading for column in grid.columns])
        for number, column in enumerate(grid.columns):
            style = self._formats.heading(column)
            self._worksheet.write_string(heading, number, column.heading, style)
        line = heading + 1
        for row in grid.rows[:ROWS_MAX]:
            self._row(grid.columns, line, row, foot=False)
            line += 1
        if note := rows_note(grid):
            self._worksheet.write_string(line, 0, note, self._formats.note)
            line += 1
        for row in grid.foot:
            self._row(grid.columns, line, row, foot=True)
            line += 1
        return line

    def _row(self, columns: Sequence[Column], line: int, row: GridRow, *, foot: bool) -> None:
        self._set_height(columns, line, row)
        for number, (column, value) in enumerate(zip(columns, row, strict=True)):
            self._cell((line, number), column, value, foot=foot)

    def _set_height(self, columns: Sequence[Column], line: int, row: GridRow) -> None:
        # Not every program computes row heights by itself.
        lines = max(_lines(column, value) for column, value in zip(columns, row, strict=True))
        if lines > 1:
            self._worksheet.set_row(line, min(lines * _LINE_POINTS, _ROW_POINTS_MAX))

    def _cell(
        self, position: tuple[int, int], column: Column, value: Value, *, foot: bool
    ) -> None:
        if isinstance(value, Amount):
            self._amount(position, column, value, foot=foot)
        elif isinstance(value, Instant | date):
            moment = _moment(value)
            style = self._formats.moment(_pattern(value), foot=foot)
            self._worksheet.write_datetime(*position, moment, style)
        elif isinstance(value, int):
            self._worksheet.write_number(*position, value, self._formats.count(foot=foot))
        else:
            style = self._formats.text(column, foot=foot)
            self._worksheet.write_string(*position, value, style)

    def _amount(
        self, position: tuple[int, int], column: Column, value: Amount, *, foot: bool
    ) -> None:
        exact = self._pack.exact(value)
        if len(exact.as_tuple().digits) <= EXACT_DIGITS:
            digits = self._pack.digits_of(value)
            style = self._formats.amount(digits, column, foot=foot)
            self._worksheet.write_number(*position, exact, style)
        else:
            self._worksheet.write_string(
                *position, f"{exact:f}", self._formats.text(column, foot=foot)
            )

    def _set_up_print(self) -> None:
        self._worksheet.set_landscape()
        self._worksheet.set_paper(9)  # A4
        self._worksheet.fit_to_pages(1, 0)
        title, at = _printable(self._pack.title), iso(self._pack.generated_at)
        self._worksheet.set_footer(f"&L{title}&C{at}&RPage &P of &N")


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
    if column.overflow or not isinstance(value, str):
        return 1
    width = column.width * 9 // 10 if " " in value else column.width - _INDENT
    return -(-len(value) // width)


def rows_note(grid: Grid) -> str:
    """The note below a table without rows, or with more rows than a sheet can hold."""
    if not grid.rows:
        return grid.empty
    missing = len(grid.rows) - ROWS_MAX
    return f"and {missing:,} more: all are in the table {grid.slug}.csv" if missing > 0 else ""


def _printable(text: str) -> str:
    return text.replace("&", "&&")


def _subtitle(pack: Pack) -> str:
    generated = f"generated {iso(pack.generated_at)}"
    if pack.run is None:
        return f"No run stored; {generated}"
    window = pack.run.window
    return f"{iso(window.start)} to {iso(window.end)}; run {pack.run.run_id}; {generated}"
