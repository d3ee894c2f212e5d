"""Every figure in the files of a report pack equals the figure in the database."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from reports.files.write import write_pack
from reports.load import load_pack
from reports.tables.contents import grids
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.books.reports import (
    EVENING,
    HOSTILE,
    HUGE,
    SCRIPT,
    STEM,
    Files,
    fill,
    on_page,
    pack_of,
    run,
)

SHEETS = (
    *("Statement", "Summary", "Calendar", "Breaks", "Claims", "Disputes", "Corrections"),
    "Comments",
    *("Tie-out", "Differences", "Ledger", "Totals", "Match rate", "Explained"),
    *("Maturity", "Conservation", "Manifest", "Charts"),
)
TABLES = (
    *("statement", "roll-forward", "since-sign-off", "signatures"),
    *("about", "both-sides", "rounds", "breaks-by-kind", "days", "not-read", "ageing"),
    *("calendar", "breaks", "claims", "disputes", "corrections", "comments"),
    *("tie-out", "differences"),
    *("ledger-bridge", "totals", "match-rate", "explained"),
    *("maturity", "conservation", "manifest"),
)


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Iterator[str]:
    """A database with a run; no test of this module changes it."""
    postgres.clone("report_pack")
    database = postgres.url("report_pack")
    fill(database)
    run(database)
    yield database
    postgres.drop("report_pack")


@pytest.fixture(scope="module")
def files(filled: str, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(write_pack(pack_of(filled), tmp_path_factory.mktemp("pack")))


def test_a_pack_is_a_workbook_a_page_a_statement_and_csv_tables(files: Files) -> None:
    tables = {f"{STEM}-{table}.csv" for table in TABLES}
    names = {*tables, f"{STEM}.html", f"{STEM}.xlsx", f"{STEM}-statement.pdf"}
    assert set(files.by_name) == names


def test_every_file_of_a_pack_shows_the_same_figures(filled: str, tmp_path: Path) -> None:
    pack = pack_of(filled)
    files = Files(write_pack(pack, tmp_path / "out"))
    for grid in grids(pack):
        table = files.csv_rows(grid)
        assert len(table) == len(grid.rows), grid.name
        assert files.sheet_rows(grid) == table, grid.name
        assert files.page_rows(grid) == list(on_page(grid, table)), grid.name


def test_the_workbook_shows_totals_as_numbers_with_ggr(files: Files) -> None:
    rows = [
        (row["Game"], row["Currency"], row["Rounds"], row["Stake"], row["Payout"], row["GGR"])
        for row in files.sheet("Totals")
    ]
    assert rows == [
        ("plinko", "JPY", 1, 700, 900, -200),
        ("plinko", "USD", 2, 15, 2.5, 12.5),
        ("unknown", "USD", 1, 3, 0, 3),
        ("all games", "JPY", 1, 700, 900, -200),
        ("all games", "USD", 3, 18, 2.5, 15.5),
    ]


def test_the_workbook_lists_every_break_with_its_exact_difference(files: Files) -> None:
    breaks = [
        (row["Round"], row["Kind"], row["Difference"], row["Who owes"])
        for row in files.sheet("Breaks")
    ]
    assert breaks == [
        ("huge", "missing_in_ledger", "987654321098765.43", "we owe the player"),
        (SCRIPT, "missing_at_provider", 3, "we owe the player"),
        ("r2", "payout_mismatch", 1.25, "we owe the player"),
    ]


def test_the_workbook_proves_conservation_line_by_line(files: Files) -> None:
    rows = {
        (row["Line"], row["Currency"]): row["Rows"]
        for row in files.sheet("Conservation")
        if row["Side"] == "ours"
    }
    assert rows["compared", "USD"] == rows["source", "USD"] == 4
    assert rows["matched", "JPY"] == rows["matched", "USD"] == 2
    assert rows["breaks", "USD"] == 2


def test_amounts_are_formatted_with_their_currencys_digits(files: Files) -> None:
    formats = {
        row[2].value: row[4].number_format for row in files.book["Totals"].iter_rows(min_row=5)
    }
    assert formats["USD"].startswith("#,##0.00;")
    assert formats["JPY"].startswith("#,##0;")


def test_owed_amounts_have_a_sign_and_a_colour(files: Files) -> None:
    column = [cell.value for cell in files.book["Breaks"][4]].index("Difference")
    cells = [row[column] for row in files.book["Breaks"].iter_rows(min_row=6)]
    assert {cell.number_format for cell in cells} == {"[Red]+#,##0.00;[Blue]-#,##0.00;#,##0.00"}


def test_every_sheet_has_a_title_frozen_rows_and_a_print_layout(files: Files) -> None:
    assert tuple(files.book.sheetnames) == SHEETS
    for sheet in files.book:
        is_single = sheet.title not in {"Statement", "Summary", "Charts"}
        assert sheet.freeze_panes == ("A5" if is_single else "A3")
        assert (sheet.auto_filter.ref is not None) == is_single
        assert sheet["A1"].value == f"Reconciliation of agg: {sheet.title}"
        assert "2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z; run run-" in sheet["A2"].value
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def test_no_column_is_too_narrow_for_an_id(files: Files) -> None:
    sheet = files.book["Breaks"]
    for cell in sheet[4]:
        if cell.value in {"Break", "Run"}:
            width = sheet.column_dimensions[cell.column_letter].width
            assert width >= max(len(row[cell.column - 1].value) for row in sheet["A5:Z7"])


def test_a_player_name_never_becomes_a_formula(files: Files) -> None:
    cells = [cell for row in files.book["Breaks"].iter_rows(min_row=5) for cell in row]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"d", "s", "n"}


def test_the_page_refers_to_nothing_outside_itself(files: Files) -> None:
    page = files.page.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*['\"]?http", page)
    assert page.count("<svg") == 4


def test_the_page_escapes_what_a_provider_wrote(files: Files) -> None:
    page = files.page.read_text(encoding="utf-8")
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "+987,654,321,098,765.43" in page


def test_csv_tables_hold_exact_amounts_and_escaped_formulas(files: Files) -> None:
    breaks = files.table("breaks")
    assert {row["player"] for row in breaks} == {f"'{HOSTILE}"}
    assert Decimal(breaks[0]["difference"]) == Decimal(HUGE).scaleb(-2)
    totals = files.table("totals")
    for row in totals:
        assert Decimal(row["stake"]) - Decimal(row["payout"]) == Decimal(row["ggr"])
    assert [row["ggr"] for row in totals] == ["-200", "12.50", "3.00"]


def test_the_tie_out_leaves_nothing_unexplained(files: Files) -> None:
    rows = files.sheet("Tie-out")
    assert [Decimal(str(row["Residual"])) for row in rows] == [0] * len(rows)
    breaks = {(row["Game"], row["Currency"]): row["Breaks"] for row in rows}
    assert breaks["unknown", "USD"] == -3
    assert breaks["plinko", "JPY"] == 0
    assert breaks["plinko", "USD"] == "-987654321098766.68"
    assert breaks["all games", "USD"] == "-987654321098769.68"


def test_equal_packs_are_written_as_equal_files(filled: str, tmp_path: Path) -> None:
    first = write_pack(pack_of(filled), tmp_path / "a")
    second = write_pack(pack_of(filled), tmp_path / "b")
    for path, other in zip(first, second, strict=True):
        assert path.read_bytes() == other.read_bytes()


def test_a_provider_without_a_run_gets_a_pack_that_says_so(
    database: str, tmp_path: Path
) -> None:
    files = Files(write_pack(pack_of(database), tmp_path))
    page = files.page.read_text(encoding="utf-8")
    assert "No activity" not in page
    assert "Nothing was booked" not in page
    assert "No run is stored" in page
    for sheet in files.book:
        texts = {str(cell.value) for row in sheet.iter_rows(min_row=5) for cell in row}
        assert any(
            text.startswith(("No ", "Nothing ", "The window holds no")) for text in texts
        )


def test_a_day_without_activity_gets_a_pack_that_says_so(database: str, tmp_path: Path) -> None:
    run(database)
    page = Files(write_pack(pack_of(database), tmp_path)).page.read_text(encoding="utf-8")
    assert "No activity" in page
    assert "No break is open." in page
    assert "Conservation" in page


def test_a_csv_is_utf_8_with_a_byte_order_mark_and_every_text_is_quoted(files: Files) -> None:
    content = files.by_name[f"{STEM}-breaks.csv"].read_bytes()
    assert content.startswith(b'\xef\xbb\xbf"id","kind",')
    lines = content.decode("utf-8-sig").split("\r\n")
    assert lines[1].startswith('"brk-')


def test_ids_are_exact_in_the_csv_unless_they_are_to_be_protected(
    filled: str, tmp_path: Path
) -> None:
    long_id = "7301239812730192837"
    pack = pack_of(filled)
    breaks = tuple(replace(break_, round_id=long_id) for break_ in pack.breaks)
    pack = replace(pack, breaks=breaks)
    exact = Files(write_pack(pack, tmp_path / "exact"))
    assert {row["round_id"] for row in exact.table("breaks")} == {long_id}
    # As text in the workbook, so that no digit is lost.
    assert {row["Round"] for row in exact.sheet("Breaks")} == {long_id}
    protected = Files(write_pack(pack, tmp_path / "protected", protect_ids=True))
    assert {row["round_id"] for row in protected.table("breaks")} == {f'="{long_id}"'}
    ids = [
        {row["id"] for row in pack_files.table("breaks")} for pack_files in (exact, protected)
    ]
    assert ids[0] == ids[1]


def test_instants_and_days_are_date_cells_in_the_workbook(files: Files) -> None:
    first_seen = {row["First seen (UTC)"] for row in files.sheet("Breaks")}
    assert {type(value) for value in first_seen} == {datetime}
    days = {row["Day"] for row in files.sheet("Differences")}
    assert {type(value) for value in days} == {datetime}
    (cell,) = {
        cell.number_format for cell in next(files.book["Differences"].iter_cols(1, 1, 5, 5))
    }
    assert cell == "yyyy-mm-dd"


def test_the_tie_out_of_a_pack_is_of_the_instant_of_its_connection(
    database: str,
) -> None:
    fill(database)
    run(database)
    engine = open_engine(database)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SELECT count(*) FROM rounds"))
        books = TwoBooks()
        books.both("later", 100, 30)
        books.write(database)
        options: dict[str, Any] = {"window": None, "generated_at": EVENING, "exponents": {}}
        before = load_pack(connection, "agg", **options)
    engine.dispose()
    after = pack_of(database)
    assert before.tie_out is not None
    assert after.tie_out is not None
    assert before.tie_out.cells != after.tie_out.cells
    assert before.statement is not None
    assert after.statement is not None
    assert [day.figures.ours for day in before.statement.days] != [
        day.figures.ours for day in after.statement.days
    ]
