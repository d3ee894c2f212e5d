"""The note below a table that is empty or longer than a sheet."""

from dataclasses import replace

from reports.files.workbook import ROWS_MAX, rows_note
from reports.grid import Column, Grid

GRID = Grid(
    name="Breaks",
    slug="breaks",
    sheet="Breaks",
    note="",
    empty="No break is open.",
    columns=(Column("Break", 26),),
    rows=[("brk-1",)],
)


def test_the_note_of_an_empty_table_says_why() -> None:
    assert rows_note(replace(GRID, rows=[])) == "No break is open."


def test_the_note_of_a_cut_table_counts_the_missing_rows_and_names_the_csv() -> None:
    assert rows_note(GRID) == ""
    assert rows_note(replace(GRID, rows=[("brk-1",)] * ROWS_MAX)) == ""
    note = rows_note(replace(GRID, rows=[("brk-1",)] * (ROWS_MAX + 12)))
    assert note == "and 12 more: all are in the table breaks.csv"
