"""A report pack, read back the way finance reads it: every figure is the books' figure."""

import csv
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from reconcile.run import reconcile
from reconcile.window import Window
from reports.pack import Pack, gather
from reports.write import write_pack
from storage.engine import open_engine
from vocabulary.clock import FrozenClock
from vocabulary.ids import match_key

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)
#: Longer than a spreadsheet's fifteen digits.
HUGE = 98_765_432_109_876_543
HOSTILE = "=cmd|' /c calc'!A1"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def filled(database: str) -> str:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO players (player) VALUES (%s)", (HOSTILE,))
        for currency in ("USD", "JPY"):
            connection.execute(
                "INSERT INTO wallets (player, currency, balance, seq) VALUES (%s, %s, 0, 0)",
                (HOSTILE, currency),
            )
        _ours(connection, "r1", "USD", 1_000, 250)
        _ours(connection, "r2", "USD", 500, 0)
        _ours(connection, "r3", "JPY", 700, 900)
        _ours(connection, SCRIPT, "USD", 300, 0)
        _theirs(connection, "r1", "USD", 1_000, 250)
        _theirs(connection, "r2", "USD", 500, 125)
        _theirs(connection, "r3", "JPY", 700, 900)
        _theirs(connection, "huge", "USD", 0, HUGE)
    _reconcile(database)
    return database


def _ours(
    connection: psycopg.Connection, round_id: str, currency: str, stake: int, payout: int
) -> None:
    connection.execute(
        "INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout,"
        " bets, wins, rollbacks, ended, first_at, last_at)"
        " SELECT %s, 'agg', %s, wallet_id, currency, %s, %s, 1, 1, 0, true, %s, %s"
        "   FROM wallets WHERE currency = %s",
        (match_key("agg", round_id), round_id, stake, payout, NOON, NOON, currency),
    )


def _theirs(
    connection: psycopg.Connection, round_id: str, currency: str, stake: int, payout: int
) -> None:
    connection.execute(
        "INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency,"
        " stake, payout, rolled_back, game, created_at, updated_at, received_at, source)"
        " VALUES ('agg', %s, %s, %s, %s, %s, %s, %s, false, 'plinko', %s, %s, %s, 'push')",
        (round_id, round_id, match_key("agg", round_id), HOSTILE, currency, stake, payout)
        + (NOON,) * 3,
    )


def _reconcile(database: str) -> None:
    reconcile(
        database,
        provider="agg",
        window=DAY,
        maturity=timedelta(minutes=15),
        clock=FrozenClock(EVENING),
    )


def _pack(database: str) -> Pack:
    engine = open_engine(database)
    with engine.connect() as connection:
        pack = gather(connection, "agg", window=None, generated_at=EVENING, exponents={})
    engine.dispose()
    return pack


@pytest.fixture
def files(filled: str, tmp_path: Path) -> dict[str, Path]:
    return {path.name: path for path in write_pack(_pack(filled), tmp_path / "out")}


def _sheet(files: dict[str, Path], name: str) -> Iterator[dict[str, Any]]:
    book = openpyxl.load_workbook(files["agg-20260301-20260302.xlsx"])
    heading, *rows = list(book[name].iter_rows(min_row=4, values_only=True))
    return (dict(zip(map(str, heading), row, strict=True)) for row in rows)


def test_a_pack_is_a_workbook_a_page_and_tables(files: dict[str, Path]) -> None:
    stem = "agg-20260301-20260302"
    tables = ("breaks", "differences", "explained", "tie-out", "totals")
    names = [*(f"{stem}-{table}.csv" for table in tables), f"{stem}.html", f"{stem}.xlsx"]
    assert sorted(files) == names


def test_the_workbook_shows_totals_as_numbers_with_ggr(files: dict[str, Path]) -> None:
    rows = [
        (row["Game"], row["Currency"], row["Rounds"], row["Stake"], row["Payout"], row["GGR"])
        for row in _sheet(files, "Totals")
    ]
    assert rows == [
        ("(not told)", "USD", 1, 3, 0, 3),
        ("plinko", "JPY", 1, 700, 900, -200),
        ("plinko", "USD", 2, 15, 2.5, 12.5),
    ]


def test_the_workbook_lists_every_break_with_its_exact_difference(
    files: dict[str, Path],
) -> None:
    found = {row["Round"]: (row["Kind"], row["Difference"]) for row in _sheet(files, "Breaks")}
    assert found == {
        "huge": ("missing_in_ledger", "987654321098765.43"),
        SCRIPT: ("missing_at_provider", 3),
        "r2": ("payout_mismatch", 1.25),
    }


def test_the_workbook_proves_conservation_line_by_line(files: dict[str, Path]) -> None:
    rows = {
        (row["Line"], row["Currency"]): row["Rows"]
        for row in _sheet(files, "Conservation")
        if row["Side"] == "ours"
    }
    assert rows["compared", "USD"] == rows["source", "USD"] == 4
    assert rows["matched", "JPY"] == rows["matched", "USD"] == 2
    assert rows["breaks", "USD"] == 2


def test_amounts_are_formatted_with_their_currencys_digits(files: dict[str, Path]) -> None:
    book = openpyxl.load_workbook(files["agg-20260301-20260302.xlsx"])
    formats = {
        row[2].value: row[4].number_format for row in book["Totals"].iter_rows(min_row=5)
    }
    assert formats["USD"].startswith("#,##0.00;")
    assert formats["JPY"].startswith("#,##0;")


def test_every_sheet_is_frozen_filtered_and_titled(files: dict[str, Path]) -> None:
    book = openpyxl.load_workbook(files["agg-20260301-20260302.xlsx"])
    assert book.sheetnames == [
        *("Summary", "Breaks", "Totals", "Conservation", "Tie-out", "Differences", "Explained")
    ]
    for sheet in book:
        assert sheet.freeze_panes == "A5"
        assert sheet.auto_filter.ref is not None
        assert sheet["A1"].value == f"Reconciliation of agg: {sheet.title}"
        assert "2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z; run run-" in sheet["A2"].value


def test_what_a_player_is_called_never_becomes_a_formula(files: dict[str, Path]) -> None:
    book = openpyxl.load_workbook(files["agg-20260301-20260302.xlsx"])
    cells = [cell for row in book["Breaks"].iter_rows(min_row=5) for cell in row]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"s", "n"}


def test_the_page_refers_to_nothing_outside_itself(files: dict[str, Path]) -> None:
    page = files["agg-20260301-20260302.html"].read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*['\"]?http", page)
    assert page.count("<svg") == 2


def test_the_page_escapes_what_a_provider_wrote(files: dict[str, Path]) -> None:
    page = files["agg-20260301-20260302.html"].read_text(encoding="utf-8")
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "987,654,321,098,765.43 USD" in page


def test_the_tables_hold_exact_amounts_and_harmless_text(files: dict[str, Path]) -> None:
    with files["agg-20260301-20260302-breaks.csv"].open(newline="", encoding="utf-8") as file:
        breaks = list(csv.DictReader(file))
    assert {row["player"] for row in breaks} == {f"'{HOSTILE}"}
    assert Decimal(breaks[0]["difference"]) == Decimal(HUGE).scaleb(-2)
    with files["agg-20260301-20260302-totals.csv"].open(newline="", encoding="utf-8") as file:
        totals = list(csv.DictReader(file))
    for row in totals:
        assert Decimal(row["stake"]) - Decimal(row["payout"]) == Decimal(row["ggr"])
    assert [row["ggr"] for row in totals] == ["3.00", "-200", "12.50"]


@pytest.mark.parametrize("name", ["Tie-out", "Differences", "Explained"])
def test_the_workbook_the_page_and_the_table_show_the_same_figures(
    files: dict[str, Path], name: str
) -> None:
    stem = "agg-20260301-20260302"
    with files[f"{stem}-{name.lower()}.csv"].open(newline="", encoding="utf-8") as file:
        table = [[_plain(cell) for cell in row] for row in csv.reader(file)][1:]
    sheet = [[_plain(cell) for cell in row.values()] for row in _sheet(files, name)]
    page = files[f"{stem}.html"].read_text(encoding="utf-8")
    body = (
        page.split(f'<table id="{name.lower()}">')[1].split("<tbody>")[1].split("</tbody>")[0]
    )
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in body.strip().splitlines()]
    assert table
    assert sheet == table
    assert [[_plain(html.unescape(cell)) for cell in row] for row in cells] == table


def _plain(cell: object) -> str:
    """A figure as its exact value, whatever digits and separators a file shows it with."""
    words = "" if cell is None else str(cell).removeprefix("'").replace(",", "")
    try:
        return f"{Decimal(words).normalize():f}"
    except InvalidOperation:
        return words


def test_the_tie_out_leaves_nothing_unexplained(files: dict[str, Path]) -> None:
    rows = list(_sheet(files, "Tie-out"))
    assert [Decimal(str(row["Residual"])) for row in rows] == [0] * len(rows)
    told = {(row["Game"], row["Currency"]): row["Breaks"] for row in rows}
    assert told["unknown", "USD"] == -3
    assert told["plinko", "JPY"] == 0


def test_the_same_pack_is_the_same_files(filled: str, tmp_path: Path) -> None:
    pack = _pack(filled)
    first, second = write_pack(pack, tmp_path / "a"), write_pack(pack, tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_provider_without_a_run_gets_a_report_that_says_so(
    database: str, tmp_path: Path
) -> None:
    files = {path.name: path for path in write_pack(_pack(database), tmp_path)}
    assert "No activity" in files["agg-no-run.html"].read_text(encoding="utf-8")
    book = openpyxl.load_workbook(files["agg-no-run.xlsx"])
    assert [sheet["A5"].value for sheet in book] == ["No activity"] * 7


def test_a_day_on_which_nothing_happened_gets_its_report_too(
    database: str, tmp_path: Path
) -> None:
    _reconcile(database)
    files = {path.name: path for path in write_pack(_pack(database), tmp_path)}
    page = files["agg-20260301-20260302.html"].read_text(encoding="utf-8")
    assert "No activity" in page
    assert "Conservation" in page
