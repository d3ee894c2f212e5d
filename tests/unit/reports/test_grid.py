"""What a table says of itself where it is empty, or longer than a sheet."""

from dataclasses import replace

from reports.grid import Column, Grid
from reports.workbook import ROWS_MAX, rows_note

ONE = Grid(
    name="Breaks",
    slug="breaks",
    sheet="Breaks",
    note="",
    empty="No break is open.",
    columns=(Column("Break", 26),),
    rows=[("brk-1",)],
)


def test_an_empty_table_says_why() -> None:
    assert rows_note(replace(ONE, rows=[])) == "No break is open."


def test_a_table_longer_than_a_sheet_says_how_much_is_missing_and_where_it_is() -> None:
    assert rows_note(ONE) == ""
    assert rows_note(replace(ONE, rows=[("brk-1",)] * ROWS_MAX)) == ""
    told = rows_note(replace(ONE, rows=[("brk-1",)] * (ROWS_MAX + 12)))
    assert told == "and 12 more: all are in the table breaks.csv"
