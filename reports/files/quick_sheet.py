"""A worksheet that is written with less work for each cell, into the same bytes.

A pack has some hundred thousand cells, nearly all of them a text or a number in a known place.
For these xlsxwriter checks arguments and joins attributes of XML cell by cell, which takes
longer than all other files of a pack. Every other cell is left to it.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import _utf16_len, _utf16_truncate, xl_rowcol_to_cell_fast
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


class QuickSheet(Worksheet):  # type: ignore[misc] # no types come with it
    """A worksheet whose texts and numbers are put where the caller knows that they fit."""

    def put_text(self, line: int, number: int, text: str, style: Any) -> None:
        """Write a text that is neither a formula nor a link."""
        if len(text) > _SHORT_TEXT:
            self._write_string(line, number, text, style)
            return
        index = self.str_table._get_shared_string_index(text)
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

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind = type(cell)
        if cell.format is None or kind not in _QUICK:
            super()._write_cell(row, col, cell)
            return
        start = f'<c r="{xl_rowcol_to_cell_fast(row, col)}" s="{cell.format._get_xf_index()}"'
        if kind is CellStringTuple:
            self.fh.write(f'{start} t="s"><v>{cell.string}</v></c>')
        else:
            self.fh.write(f"{start}><v>{cell.number:.16G}</v></c>")


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
