"""A worksheet that is written with less work for each cell, into the same bytes.

A pack has some hundred thousand cells, nearly all of them a text or a number in a known place.
For these xlsxwriter checks arguments and joins attributes of XML cell by cell, which takes
longer than all other files of a pack. Every other cell is left to it.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import (
    _utf16_len,
    _utf16_truncate,
    xl_col_to_name,
    xl_rowcol_to_cell_fast,
)
from xlsxwriter.worksheet import (
    CellDatetimeTuple,
    CellNumberTuple,
    CellStringTuple,
    Worksheet,
)

#: A cell of a streamed row: a text, a number or a time without a zone with its style, or none.
StreamedCell = str | tuple[int | Decimal | datetime, Any] | None
#: Longer texts may have to be cut, which is left to xlsxwriter.
_SHORT_TEXT = 16_000
#: Rows whose first and last column are written together.
_SPAN_LINES = 16


class QuickSheet(Worksheet):  # type: ignore[misc] # no types come with it
    """A worksheet whose texts and numbers are put where the caller knows that they fit."""

    def put_text(self, line: int, number: int, text: str, style: Any) -> None:
        """Write a text that is neither a formula nor a link."""
        if len(text) > _SHORT_TEXT:
            self._write_string(line, number, text, style)
            return
        strings = self.str_table
        index = strings.string_table.get(text)
        if index is None:
            index = strings._get_shared_string_index(text)
        else:
            strings.count += 1
        self.table[line][number] = CellStringTuple(index, style)

    def put_number(self, line: int, number: int, value: int | Decimal, style: Any) -> None:
        """Write a number that a spreadsheet stores exactly."""
        self.table[line][number] = CellNumberTuple(value, style)

    def put_datetime(self, line: int, number: int, value: datetime, style: Any) -> None:
        """Write a date and time without a zone."""
        days = self._convert_date_time(value)
        self.table[line][number] = CellDatetimeTuple(days, style)

    def span(self, lines: range, columns: int) -> None:
        """Tell the sheet which cells will be put."""
        if lines and columns:
            self._check_dimensions(lines[0], 0)
            self._check_dimensions(lines[-1], columns - 1)

    def _calculate_spans(self) -> None:
        if self.comments:
            super()._calculate_spans()
            return
        bounds: dict[int, tuple[int, int]] = {}
        for line in range(self.dim_rowmin, self.dim_rowmax + 1):
            if cells := self.table.get(line):
                first, last = bounds.get(line // _SPAN_LINES, (sys.maxsize, -1))
                bounds[line // _SPAN_LINES] = min(first, *cells), max(last, *cells)
        self.row_spans = {
            number: f"{first + 1}:{last + 1}" for number, (first, last) in bounds.items()
        }

    def _write_rows(self) -> None:
        if self.comments:
            super()._write_rows()
            return
        self._calculate_spans()
        names = [xl_col_to_name(number) for number in range(self.dim_colmax + 1)]
        styles: dict[Any, str] = {}
        for line in range(self.dim_rowmin, self.dim_rowmax + 1):
            cells, row_info = self.table.get(line), self.row_info.get(line)
            span = self.row_spans.get(line // _SPAN_LINES)
            if cells:
                self._write_row(line, span, row_info)
                self._write_cells(line, cells, names, styles)
                self.fh.write("</row>")
            elif row_info is not None:
                self._write_empty_row(line, span, row_info)

    def _write_cells(
        self, line: int, cells: Mapping[int, Any], names: Sequence[str], styles: dict[Any, str]
    ) -> None:
        """Write the cells of a row.

        Args:
            line: its number from 0.
            cells: by column, in any order.
            names: of all columns.
            styles: attributes by format, as far as they are known; a new one is added.
        """
        row: list[str] = []
        place = f"{line + 1}"
        for number in sorted(cells):
            cell = cells[number]
            kind, style = type(cell), cell.format
            if style is None or kind not in _QUICK:
                self.fh.write("".join(row))
                row.clear()
                self._write_cell(line, number, cell)
                continue
            if (attribute := styles.get(style)) is None:
                attribute = styles[style] = f'" s="{style._get_xf_index()}"'
            if kind is CellStringTuple:
                xml = f'<c r="{names[number]}{place}{attribute} t="s"><v>{cell.string}</v></c>'
            else:
                xml = f'<c r="{names[number]}{place}{attribute}><v>{cell.number:.16G}</v></c>'
            row.append(xml)
        self.fh.write("".join(row))


class StreamedSheet(Worksheet):  # type: ignore[misc] # no types come with it
    """A worksheet of a book in constant memory whose rows are written as wholes, in order."""

    def put_row(self, line: int, cells: Sequence[StreamedCell]) -> None:
        """Write the next row.

        Args:
            line: its number from 0; greater than that of every row before.
            cells: of the first columns, at least one that is not empty.
        """
        self._write_single_row(line)  # what was written before
        filled = [number for number, cell in enumerate(cells) if cell is not None]
        self._check_dimensions(line, filled[0])
        self._check_dimensions(line, filled[-1])
        row = "".join(self._cell_xml(line, number, cells[number]) for number in filled)
        self.fh.write(f'<row r="{line + 1}">{row}</row>')

    def _cell_xml(self, line: int, number: int, cell: StreamedCell) -> str:
        place = xl_rowcol_to_cell_fast(line, number)
        if isinstance(cell, str):
            return f'<c r="{place}" t="inlineStr"><is>{self._text_xml(cell)}</is></c>'
        assert cell is not None
        value, style = cell
        figure = self._convert_date_time(value) if isinstance(value, datetime) else value
        return f'<c r="{place}" s="{style._get_xf_index()}"><v>{figure:.16G}</v></c>'

    def _text_xml(self, text: str) -> str:
        if not _NOT_PLAIN.search(text) and len(text) <= _SHORT_TEXT:
            return f"<t>{text}</t>"
        if _utf16_len(text) > self.xls_strmax:
            text = _utf16_truncate(text, self.xls_strmax)
        text = self._escape_control_characters(text)
        space = ' xml:space="preserve"' if text != text.strip() else ""
        return f"<t{space}>{self._escape_data(text)}</t>"


#: What is not written as it is: marks of XML, what looks like an escape, control characters,
#: and space at an end.
_NOT_PLAIN = re.compile(r"[&<>\x00-\x1f\ufffe\uffff]|_x[0-9a-fA-F]{4}_|^\s|\s$")
_QUICK = frozenset({CellStringTuple, CellNumberTuple, CellDatetimeTuple})
