"""Text in CSV files: no separator makes a formula of it, and ids stay as they are."""

import csv

import pytest

from reports.files.formulas import escape_formula

#: What spreadsheets split lines at, by their regional settings.
SEPARATORS = (",", ";", "\t", "|")
HOSTILE = (
    "=1+1",
    "x;=1+1;",
    "x,=1+1",
    "x\t@SUM(1)",
    "x\n=1+1",
    "x\r\n+1+1",
    ";=cmd|' /C calc'!A0",
    'a";=1+1;"b',
    "x; =1+1",
    'x;"=1+1"',
    "-1+1",
    "-42;=1+1",
    "-x",
    "\uff1d1+1",
    "\t=1+1",
)
IDS = (
    *("-42", "+42", "-0.5", "7301239812730192837", "007", "73928e03", "t-1", "a=b", "a@b"),
    *("42,-42", "2026-03-01", "5f2b-9", "1;2", "x, y", "brk-1; 2026-03-01T12:00Z"),
)


def cells(text: str, separator: str) -> list[str]:
    """The cells that a spreadsheet with this separator makes of a line with the text in it."""
    quoted = '"' + escape_formula(text).replace('"', '""') + '"'
    line = f'"first",{quoted},"last"\r\n'
    return [
        cell
        for row in csv.reader(line.splitlines(keepends=True), delimiter=separator)
        for cell in row
    ]


def is_run(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a formula; a plain number is none."""
    text = cell.strip(' "')
    if not text.startswith(("=", "+", "-", "@", "\uff1d", "\t=")):
        return False
    try:
        float(text.replace(",", "."))
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_separator_makes_a_formula_of_text(text: str, separator: str) -> None:
    assert not any(is_run(cell) for cell in cells(text, separator))


@pytest.mark.parametrize("text", IDS)
def test_ids_and_plain_numbers_are_not_changed(text: str) -> None:
    assert escape_formula(text) == text


def test_the_apostrophe_stands_before_the_formula() -> None:
    assert escape_formula("x;=1+1;") == "x;'=1+1;"
    assert escape_formula("=1+1") == "'=1+1"
    assert escape_formula("-42;=1+1") == "'-42;'=1+1"
