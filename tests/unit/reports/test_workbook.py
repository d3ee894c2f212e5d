"""Sheets of a workbook as they are printed."""

import io
from datetime import UTC, datetime

import openpyxl

from reports.document import Document
from reports.files.workbook import workbook_bytes
from reports.grid import Column, Grid

SUBTITLE = "2026-11-29 08:03:33 to 2026-11-29 08:13:51 (UTC); run run-b36a1230b738415419cf;" * 2


def test_the_subtitle_of_a_narrow_sheet_is_wrapped_within_what_is_printed() -> None:
    grid = Grid(
        name="Maturity",
        slug="maturity",
        sheet="Maturity",
        note="How long a row may wait.",
        empty="",
        columns=[Column("Operation", 12), Column("Age", 12)],
        rows=[("any", "0")],
    )
    document = Document(
        title="Reconciliation",
        subtitle=SUBTITLE,
        stem="s",
        about=(),
        sentences=(),
        warnings=(),
        figures=(),
        grids=(grid,),
        draw=lambda: (),
        generated_at=datetime(2026, 11, 29, tzinfo=UTC),
    )

    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(document)))
    sheet = book["Maturity"]

    assert sheet["A2"].value == SUBTITLE
    assert sheet["A2"].alignment.wrap_text
    assert "A2:B2" in [str(cells) for cells in sheet.merged_cells.ranges]
    assert (sheet.row_dimensions[2].height or 0) > 60
