"""Tables as files: CSV and XLSX, row by row. No cell begins a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import xlsxwriter

from console.replies import FileDownload
from reports.files.formulas import escape_formula
from reports.files.quick_sheet import StreamedCell, StreamedSheet
from vocabulary.clock import iso

#: What a cell can be.
Cell = str | int | Decimal | datetime | None
#: Digits that a spreadsheet stores exactly; longer numbers are written as text.
_EXACT_DIGITS = 15
#: Rows of a workbook that is put together in memory: of larger ones the parts are files.
_IN_MEMORY_ROWS = 2_000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def csv_file(
    name: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> FileDownload:
    """A table as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(headings)
    writer.writerows([escape_formula(cell_text(cell)) for cell in row] for row in rows)
    # With the byte order mark, spreadsheets read the file as UTF-8.
    return FileDownload(
        name=f"{name}.csv",
        content_type="text/csv; charset=utf-8",
        content=text.getvalue().encode("utf-8-sig"),
    )


def xlsx_file(
    name: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, made_at: datetime
) -> FileDownload:
    """A table as a workbook of one sheet: texts stay texts, amounts and times are numbers."""
    stream = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    rows = iter(rows)
    first = list(islice(rows, _IN_MEMORY_ROWS))
    with xlsxwriter.Workbook(stream, options) as book:
        # Each file that is made and removed again takes as long as many rows.
        book.in_memory = len(first) < _IN_MEMORY_ROWS
        created = made_at.astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": name, "created": created})
        sheet = book.add_worksheet(name[:31], worksheet_class=StreamedSheet)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(headings) - 1, 18)
        bold = book.add_format({"bold": True, "bottom": 1})
        for place, heading in enumerate(headings):
            sheet.write_string(0, place, heading, bold)
        formats = _Formats(book)
        for line, row in enumerate(chain(first, rows), start=1):
            sheet.put_row(line, [_streamed(cell, formats) for cell in row])
    return FileDownload(name=f"{name}.xlsx", content_type=_XLSX, content=stream.getvalue())


def cell_text(cell: Cell) -> str:
    """A cell as text."""
    match cell:
        case None:
            return ""
        case datetime():
            return iso(cell)
        case Decimal():
            return f"{cell:f}"  # str() of a small amount has an exponent
        case _:
            return str(cell)


class _Formats:
    """The number formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[str, Any] = {}

    def of(self, pattern: str) -> Any:
        """The format with a pattern."""
        if pattern not in self._made:
            self._made[pattern] = self._book.add_format({"num_format": pattern})
        return self._made[pattern]


def _streamed(cell: Cell, formats: _Formats) -> StreamedCell:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        instant = cell.astimezone(UTC).replace(tzinfo=None)
        return instant, formats.of("yyyy-mm-dd hh:mm:ss")
    parts = Decimal(cell).as_tuple()
    if len(parts.digits) > _EXACT_DIGITS:
        return cell_text(cell)
    digits = max(-int(parts.exponent), 0)
    return cell, formats.of(f"#,##0.{'0' * digits}" if digits else "#,##0")
