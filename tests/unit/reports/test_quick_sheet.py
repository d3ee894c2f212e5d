"""Sheets that are written with less work have the bytes that xlsxwriter writes."""

import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import xlsxwriter

from reports.files.quick_sheet import QuickSheet, StreamedSheet

NOON = datetime(2026, 3, 1, 12, 30, 15)  # noqa: DTZ001 - a cell has no zone
TEXTS = ("", "plain", ' a & b <c> "d"\n', "_x0041_", "=1+1", "long " * 8_000, "plain")
NUMBERS = (0, -7, 10**14, Decimal("0.10"), Decimal("-1234567890.12"), Decimal("1E-8"))


def written(
    write: Callable[[Any, Any], None],
    sheet_class: type | None = None,
    *,
    constant_memory: bool = False,
) -> list[bytes]:
    """The files of a workbook with one sheet, written by a function of sheet and formats."""
    content = io.BytesIO()
    options = {"strings_to_formulas": False, "constant_memory": constant_memory}
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"created": NOON})
        styles = [
            book.add_format({"bold": True}),
            book.add_format({"num_format": "0.00"}),
            book.add_format({"bold": True}),  # as the first one: both are one style of the file
        ]
        write(book.add_worksheet("Sheet", worksheet_class=sheet_class), styles)
    with ZipFile(content) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_cells_that_are_put_are_the_bytes_of_cells_that_are_written() -> None:
    def write(sheet: Any, styles: Any) -> None:
        sheet.write_string(0, 0, "a cell without a style")
        for line, text in enumerate(TEXTS, start=1):
            sheet.write_string(line, 1, text, styles[line % 3])
        for line, value in enumerate(NUMBERS, start=1):
            sheet.write_number(line, 2, value, styles[1])
        sheet.write_datetime(9, 4, NOON, styles[1])

    def put(sheet: Any, styles: Any) -> None:
        sheet.write_string(0, 0, "a cell without a style")
        for line, text in enumerate(TEXTS, start=1):
            sheet.put_text(line, 1, text, styles[line % 3])
        for line, value in enumerate(NUMBERS, start=1):
            sheet.put_number(line, 2, value, styles[1])
        sheet.put_datetime(9, 4, NOON, styles[1])
        sheet.span(range(1, 10), 5)

    assert written(put, QuickSheet) == written(write)


def test_streamed_rows_are_the_bytes_of_cells_that_are_written() -> None:
    texts = (
        *TEXTS,
        " edge",
        "edge\u00a0",
        "\x01 \x0c",
        "_x12",
        "r\u00e9sum\u00e9 \U0001f3b0",
        "\uffff",
    )

    def write(sheet: Any, styles: Any) -> None:
        sheet.write_string(0, 0, "a heading", styles[0])
        for line, text in enumerate(texts, start=1):
            sheet.write_string(line, 1, text)
            sheet.write_number(line, 3, NUMBERS[line % 6], styles[1])
            sheet.write_datetime(line, 4, NOON, styles[2])
        sheet.write_string(40, 0, "after a gap")

    def stream(sheet: Any, styles: Any) -> None:
        sheet.write_string(0, 0, "a heading", styles[0])
        for line, text in enumerate(texts, start=1):
            number, moment = (NUMBERS[line % 6], styles[1]), (NOON, styles[2])
            sheet.put_row(line, [None, text, None, number, moment, None])
        sheet.put_row(40, ["after a gap"])

    assert written(stream, StreamedSheet, constant_memory=True) == written(
        write, constant_memory=True
    )


def test_a_text_that_looks_like_markup_stays_a_text() -> None:
    def stream(sheet: Any, _: Any) -> None:
        sheet.put_row(0, ["<r><t>rich</t></r>"])

    files = written(stream, StreamedSheet, constant_memory=True)
    assert b"<t>&lt;r&gt;&lt;t&gt;rich&lt;/t&gt;&lt;/r&gt;</t>" in b"".join(files)
