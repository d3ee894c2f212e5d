"""Trailers: a right file passes, a wrong one does not."""

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import Cell, CellKind
from feeds.statements.reading.file_format import AmountSign, AmountUnit, FileRules, Trailer
from feeds.statements.reading.table import TableRow, UnreadableRow
from feeds.statements.reading.values.control_totals import ControlTotals
from tests.harness.books.statement_files import Lines, read_csv, read_sheet
from vocabulary.facts import HistoryRecord

TRAILER = Trailer(marker="TOTAL", rows=2, total=3, of="amount")
POINT = FileRules(trailer=TRAILER)
COMMA = FileRules(trailer=TRAILER, decimal=",", thousands=".", delimiter=";")


def line(number: int, amount: str, action: str = "bet") -> tuple[str, ...]:
    return (f"t-{number}", action, "42", "USD", amount, "", "2026-06-04T09:30:00Z")


def problems(lines: Lines) -> list[str]:
    return [each.reason for each in lines if isinstance(each, UnreadableRow)]


@pytest.mark.parametrize(
    ("rules", "amounts", "trailer", "difference"),
    [
        (COMMA, ["1.000,00", "22,50"], ("TOTAL", "2", "1.022,50"), None),
        (COMMA, ["1,00"], ("TOTAL", "1", "1,00"), None),
        (COMMA, ["1,00"], ("TOTAL", "1.000", "1,00"), "another number of lines"),
        (COMMA, ["1,00"], ("TOTAL", "1", "1.000"), "another total of amount"),
        (COMMA, ["1,00"], ("TOTAL", "1", "1.00"), "another total of amount"),
        (POINT, ["10.00", "12.50"], ("TOTAL", "2", "22.50"), None),
        (POINT, ["10.00", "12.50"], ("TOTAL", "2", "22.5000"), None),
        (POINT, ["10.00", "12.50"], ("TOTAL", "2", "$22.50"), None),
        (POINT, ["10.00", "12.50"], ("TOTAL", "2", "22.51"), "another total of amount"),
        (POINT, ["10.00", "12.50"], ("TOTAL", "2", "22.500001"), "another total of amount"),
        (POINT, ["10", "12"], ("TOTAL", "2", "22.50"), "another total of amount"),
        (POINT, ["10.00"], ("TOTAL", "1", "sNaN"), "another total of amount"),
        (POINT, ["10.00"], ("TOTAL", "1", "NaN"), "another total of amount"),
        (POINT, ["10.00"], ("TOTAL", "Infinity", "10.00"), "another number of lines"),
        (POINT, ["10.00"], ("TOTAL", "1", ""), "another total of amount"),
        (POINT, ["10.00"], ("TOTAL", "1"), "no cell 3 with the total of amount"),
        (
            FileRules(trailer=TRAILER, unit=AmountUnit.MINOR),
            ["1000", "1250"],
            ("TOTAL", "2", "2250"),
            None,
        ),
        (
            FileRules(trailer=TRAILER, sign=AmountSign.PLAYER),
            ["-10.00", "-12.50"],
            ("TOTAL", "2", "-22.50"),
            None,
        ),
        (
            FileRules(trailer=TRAILER, sign=AmountSign.PLAYER),
            ["-10.00", "-12.50"],
            ("TOTAL", "2", "(22.50)"),
            None,
        ),
    ],
)
def test_totals_are_read_with_the_declared_marks(
    rules: FileRules, amounts: list[str], trailer: tuple[str, ...], difference: str | None
) -> None:
    rows = [line(number, amount) for number, amount in enumerate(amounts)]

    reasons = problems(read_csv([*rows, trailer], rules))

    assert len(reasons) == (difference is not None)
    assert difference is None or difference in reasons[0]


def test_a_difference_says_what_the_trailer_has() -> None:
    (reason,) = problems(read_csv([line(1, "10.00"), ("TOTAL", "1", "99.00")], POINT))

    assert reason == (
        "the last line has another total of amount than the file, which has 10.00;"
        ' found "99.00"'
    )


@pytest.mark.parametrize("marker", ["Total", "TOTALS", "total", "SUBTOTAL", "TOTAL:"])
def test_another_marker_is_no_trailer(marker: str) -> None:
    lines = read_csv([line(1, "10.00"), (marker, "1", "10.00")], POINT)

    assert problems(lines)[-1].startswith("a last line TOTAL is expected")


def test_a_marker_in_another_cell_is_no_trailer() -> None:
    note = ("t-2", "bet", "TOTAL", "USD", "1.00", "", "2026-06-04T09:30:00Z")

    lines = read_csv([line(1, "10.00"), note, ("TOTAL", "2", "11.00")], POINT)

    assert problems(lines) == []
    assert len(lines) == 2


def test_a_line_after_the_trailer_is_a_finding_and_not_stored() -> None:
    lines = read_csv([line(1, "10.00"), ("TOTAL", "1", "10.00"), line(2, "500.00")], POINT)

    assert [each.record_id for each in lines if isinstance(each, HistoryRecord)] == ["t-1"]
    (problem,) = [each for each in lines if isinstance(each, UnreadableRow)]
    assert (problem.line, problem.kind) == (4, FindingKind.TRUNCATED_FILE)
    assert problem.reason == "no line is expected after the last line TOTAL"


def test_an_amount_beside_an_unreadable_value_is_part_of_the_total() -> None:
    lines = read_csv(
        [line(1, "10.00"), line(2, "12.50", action="?"), ("TOTAL", "2", "22.50")], POINT
    )

    assert [reason.split(":")[0] for reason in problems(lines)] == ["action"]


@pytest.mark.parametrize(
    ("total", "is_right"),
    [(60.599999999999994, True), (60.6, True), (60.61, False), (60.5999, False)],
)
def test_the_noise_of_a_total_in_a_workbook_is_none(total: float, is_right: bool) -> None:
    rows = [line(1, "20.20"), line(2, "40.40"), ("TOTAL", 2, total)]

    assert (problems(read_sheet(rows, POINT)) == []) is is_right


@pytest.mark.parametrize(
    ("saved", "is_right"),
    [("60.599999999999994", True), ("60.6", True), ("6.06", False), ("", False)],
)
def test_the_saved_value_of_a_formula_is_a_total(saved: str, is_right: bool) -> None:
    totals = ControlTotals(POINT)
    totals.rows = 2
    totals.add("20.20")
    totals.add("40.40")
    cells = (Cell("TOTAL"), Cell("2", CellKind.DOUBLE), Cell(saved, CellKind.FORMULA))

    problems = list(totals.check_trailer(TableRow(4, cells, b"")))

    assert (problems == []) is is_right


@pytest.mark.parametrize(
    ("total", "is_right"), [(123456915.3135196, True), (123456915.3135206, False)]
)
def test_a_total_of_more_digits_than_a_double_keeps_is_compared_by_those_it_keeps(
    total: float, is_right: bool
) -> None:
    amounts = ("123456789.12345678", "126.19006277")
    rows = [(*line(1, amount)[:3], "BTC", *line(1, amount)[4:]) for amount in amounts]

    assert (problems(read_sheet([*rows, ("TOTAL", 2, total)], POINT)) == []) is is_right
