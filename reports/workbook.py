"""The pack as a workbook: real numbers with their currency's digits, to filter and print."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter

from reports.grid import Amount, Column, Grid, GridRow, Instant, Value
from reports.report import Pack
from reports.tables.contents import grids
from vocabulary.clock import iso

#: Digits that a spreadsheet keeps exactly; longer amounts are written as text.
EXACT_DIGITS = 15
#: Rows of a table that a sheet can hold, with room for what stands around them.
ROWS_MAX = 1_000_000
#: Width of a column in which text runs on, in characters.
_FLOWING = 30
#: Heights of a line of text and of the highest row there is, in points.
_LINE_POINTS, _ROW_POINTS_MAX = 15, 405
#: Characters that a text stands off.
_INDENT = 2
#: The line of the first heading; what is above stays in sight.
_HEADING = 3


def write_workbook(pack: Pack, path: Path) -> Path:
    """Write the workbook; returns its path."""
    # Strings are strings: nothing a provider sent becomes a formula, a link or a number.
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(path, options) as book:
        # The instant of the report, so that the same report is the same file.
        book.set_properties(
            {"title": pack.title, "created": pack.generated_at.replace(tzinfo=None)}
        )
        formats = _Formats(book)
        for name, some in groupby(grids(pack), key=lambda grid: grid.sheet):
            _Sheet(book, formats, pack, name).write(list(some))
    return path


class _Formats:
    """The workbook's cell formats, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.part = book.add_format({"bold": True, "font_size": 12})
        self.note = book.add_format({"font_color": "#555555"})
        self._made: dict[tuple[object, ...], Any] = {}

    def heading(self, column: Column) -> Any:
        look = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}
        return self._of(
            ("heading", column.number), {**look, **_side(column), "valign": "vcenter"}
        )

    def text(self, column: Column, *, foot: bool) -> Any:
        look = {"text_wrap": not column.flow, **_side(column)}
        return self._of(("text", column.flow, column.number, foot), _cell_look(look, foot=foot))

    def count(self, *, foot: bool) -> Any:
        return self._of(("count", foot), _cell_look({"num_format": "#,##0"}, foot=foot))

    def amount(self, digits: int, column: Column, *, foot: bool) -> Any:
        plain = "#,##0" + ("." + "0" * digits if digits else "")
        told = f"{plain};-{plain}"
        if column.signed:
            told = f"+{plain};-{plain};{plain}"
        if column.owed:
            told = f"[Red]+{plain};[Blue]-{plain};{plain}"
        return self._of(("amount", told, foot), _cell_look({"num_format": told}, foot=foot))

    def _of(self, key: tuple[object, ...], look: dict[str, object]) -> Any:
        if key not in self._made:
            self._made[key] = self._book.add_format(look)
        return self._made[key]


def _side(column: Column) -> dict[str, object]:
    # A text stands off a little: the column before it may end with figures.
    return {"align": "right"} if column.number else {"align": "left", "indent": 1}


def _cell_look(look: dict[str, object], *, foot: bool) -> dict[str, object]:
    return {**look, "valign": "top", **({"bold": True, "top": 1} if foot else {})}


def _widths(some: Sequence[Grid]) -> list[int]:
    most = max(len(grid.columns) for grid in some)
    wide = [[0 if c.flow else c.width for c in grid.columns] for grid in some]
    found = [max(each[n] for each in wide if n < len(each)) for n in range(most)]
    return [width or _FLOWING for width in found]


class _Sheet:
    """One sheet of the workbook: its head, then its tables, one below the other."""

    def __init__(self, book: Any, formats: _Formats, pack: Pack, name: str) -> None:
        self._page = book.add_worksheet(name)
        self._formats = formats
        self._pack = pack
        self._page.write_string(0, 0, f"{pack.title}: {name}", formats.title)
        self._page.write_string(1, 0, _subtitle(pack), formats.note)

    def write(self, some: Sequence[Grid]) -> None:
        """Write what is on the sheet; a table that is alone can be filtered."""
        for column, width in enumerate(_widths(some)):
            self._page.set_column(column, column, width)
        if len(some) == 1:
            self._alone(some[0])
        else:
            self._parts(some)
        self._set_up_print()

    def _alone(self, grid: Grid) -> None:
        self._page.write_string(2, 0, grid.note, self._formats.note)
        self._grid(grid, _HEADING)
        self._page.freeze_panes(_HEADING + 1, 0)
        rows = max(min(len(grid.rows), ROWS_MAX), 1)
        self._page.autofilter(_HEADING, 0, _HEADING + rows, len(grid.columns) - 1)
        self._page.repeat_rows(_HEADING)

    def _parts(self, some: Sequence[Grid]) -> None:
        line = _HEADING
        for grid in some:
            self._page.write_string(line, 0, grid.name, self._formats.part)
            self._page.write_string(line + 1, 0, grid.note, self._formats.note)
            line = self._grid(grid, line + 2) + 2
        self._page.freeze_panes(2, 0)

    def _grid(self, grid: Grid, heading: int) -> int:
        """Write a table with its sums below; returns the first line after it."""
        self._make_room(grid.columns, heading, [each.heading for each in grid.columns])
        for number, column in enumerate(grid.columns):
            look = self._formats.heading(column)
            self._page.write_string(heading, number, column.heading, look)
        line = heading + 1
        for row in grid.rows[:ROWS_MAX]:
            self._row(grid.columns, line, row, foot=False)
            line += 1
        if said := rows_note(grid):
            self._page.write_string(line, 0, said, self._formats.note)
            line += 1
        for row in grid.foot:
            self._row(grid.columns, line, row, foot=True)
            line += 1
        return line

    def _row(self, columns: Sequence[Column], line: int, row: GridRow, *, foot: bool) -> None:
        self._make_room(columns, line, row)
        for number, (column, value) in enumerate(zip(columns, row, strict=True)):
            self._cell((line, number), column, value, foot=foot)

    def _make_room(self, columns: Sequence[Column], line: int, row: GridRow) -> None:
        # Not every program finds out by itself how high a row has to be.
        lines = max(_lines(column, value) for column, value in zip(columns, row, strict=True))
        if lines > 1:
            self._page.set_row(line, min(lines * _LINE_POINTS, _ROW_POINTS_MAX))

    def _cell(
        self, place: tuple[int, int], column: Column, value: Value, *, foot: bool
    ) -> None:
        if isinstance(value, Amount):
            self._amount(place, column, value, foot=foot)
        elif isinstance(value, int):
            self._page.write_number(*place, value, self._formats.count(foot=foot))
        else:
            text = iso(value.at) if isinstance(value, Instant) else value
            self._page.write_string(*place, text, self._formats.text(column, foot=foot))

    def _amount(
        self, place: tuple[int, int], column: Column, value: Amount, *, foot: bool
    ) -> None:
        exact = self._pack.exact(value)
        if len(exact.as_tuple().digits) <= EXACT_DIGITS:
            digits = self._pack.digits_of(value)
            look = self._formats.amount(digits, column, foot=foot)
            self._page.write_number(*place, exact, look)
        else:
            self._page.write_string(*place, f"{exact:f}", self._formats.text(column, foot=foot))

    def _set_up_print(self) -> None:
        self._page.set_landscape()
        self._page.set_paper(9)  # A4
        self._page.fit_to_pages(1, 0)
        title, at = _printable(self._pack.title), iso(self._pack.generated_at)
        self._page.set_footer(f"&L{title}&C{at}&RPage &P of &N")


def _lines(column: Column, value: Value) -> int:
    """How many lines of text a value needs in its column; wrapped at words it needs more."""
    if column.flow or not isinstance(value, str):
        return 1
    room = column.width * 9 // 10 if " " in value else column.width - _INDENT
    return -(-len(value) // room)


def rows_note(grid: Grid) -> str:
    """What is said where there are no rows, or more than a sheet can hold."""
    if not grid.rows:
        return grid.empty
    more = len(grid.rows) - ROWS_MAX
    return f"and {more:,} more: all are in the table {grid.slug}.csv" if more > 0 else ""


def _printable(text: str) -> str:
    return text.replace("&", "&&")


def _subtitle(pack: Pack) -> str:
    generated = f"generated {iso(pack.generated_at)}"
    if pack.run is None:
        return f"No run stored; {generated}"
    window = pack.run.window
    return f"{iso(window.start)} to {iso(window.end)}; run {pack.run.run_id}; {generated}"
