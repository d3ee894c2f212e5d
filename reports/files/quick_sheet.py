"""A worksheet that is written with less work for each cell, into the same bytes.

A pack has some hundred thousand cells, nearly all of them a text or a number in a known place.
For these xlsxwriter checks arguments and joins attributes of XML cell by cell, which takes
longer than all other files of a pack. Every other cell is left to it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import xl_rowcol_to_cell_fast
from xlsxwriter.worksheet import (
    CellDatetimeTuple,
    CellNumberTuple,
    CellStringTuple,
    Worksheet,
)

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


_QUICK = frozenset({CellStringTuple, CellNumberTuple, CellDatetimeTuple})
