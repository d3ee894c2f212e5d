"""Journals of signed days: balanced, numbered, the same twice, and equal to the ledger."""

import csv
import io
import os
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import RestrictViolation

from ledger.accepting.own_operations import InRound
from tests.harness.books.ledger import SLUG, adjust, bet, bet_and_win, deposit, win
from tests.harness.books.signed_days import (
    CODES,
    FIRST,
    SignedDays,
    booked,
    minor,
    random_facts,
)
from tests.harness.people import token_of

NEXT = FIRST + timedelta(days=1)
BOTH = f"{FIRST}..{NEXT}"


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    """Two days of play, the first with a round that ends on the second; a deposit."""
    days = SignedDays(tmp_path, database)
    days.play(FIRST, bet_and_win("k1", 1_000, 300), bet("k2", 500, round_id="r2"))
    days.play(NEXT, win("k3", 200, bet_key="k2", round_id="r2"), deposit("d1", 4_000))
    days.play(NEXT, bet("k4", 50, round_id="r4"))
    return days


def execute(days: SignedDays, statement: str) -> None:
    with psycopg.connect(days.database) as connection:
        connection.execute(statement.encode())
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def by_journal(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    return {name: list(group) for name, group in groupby(rows, lambda row: row["external_id"])}


def test_a_journal_is_balanced_mapped_and_equal_to_the_ledger(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)

    rows = days.export(FIRST, NEXT)

    assert list(by_journal(rows)) == [
        *("tieout-lottery-2026-06-01-EUR-1", "tieout-lottery-2026-06-02-EUR-1"),
        "tieout-tieout-2026-06-02-EUR-1",
    ]
    assert sorted({int(row["journal"]) for row in rows}) == [1, 2, 3]
    for lines in by_journal(rows).values():
        assert sum(minor(row["debit"]) for row in lines) == sum(
            minor(row["credit"]) for row in lines
        )
    assert {row["code"] for row in rows} == {CODES[row["account"]] for row in rows}
    assert booked(rows) == days.moved(FIRST, NEXT)
    assert days.rows(
        "SELECT actor, count(*) FROM audit WHERE action = 'journal.issued' GROUP BY actor"
    ) == [("maria", 3)]


def test_the_same_period_twice_is_the_same_bytes_and_issues_nothing(
    days: SignedDays, tmp_path: Path
) -> None:
    days.sign(FIRST, NEXT)

    for name in ("once.csv", "twice.csv"):
        words = ("--period", BOTH, "--out", str(tmp_path / name))
        days.run("journal", "export", *words, by="maria")

    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "twice.csv").read_bytes()
    assert days.rows("SELECT count(*) FROM journals") == [(3,)]


def test_every_day_that_is_not_signed_is_named_and_nothing_is_issued(days: SignedDays) -> None:
    days.sign(NEXT)

    words = ("journal", "export", "--period", "2026-06-01..2026-06-04")
    refusal = days.run(*words, by="maria", code=1)

    assert "lottery 2026-06-01 (waiting for feed), 2026-06-03..2026-06-04 (ready)\n" in refusal
    assert "2026-06-02" not in refusal
    assert days.rows("SELECT count(*) FROM journals") == [(0,)]


def test_a_day_that_is_not_over_is_refused(days: SignedDays) -> None:
    refusal = days.run("journal", "export", "--period", "2999-01", by="maria", code=1)

    assert "lottery 2999-01-01..2999-01-31 (open)\n" in refusal
    assert "tieout 2999-01-01..2999-01-31 (open)\n" in refusal


def test_days_before_the_first_round_need_no_signature(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)

    rows = days.export(date(2026, 5, 20), NEXT)

    assert booked(rows) == days.moved(FIRST, NEXT)


def test_accounts_without_a_code_are_named_all_together(days: SignedDays) -> None:
    days.configure({"ggr": "4000"})

    problems = days.run("journal", "export", "--period", BOTH, by="maria", code=2)

    assert all(f"journal.accounts.{name}" in problems for name in CODES if name != "ggr")
    assert "journal.accounts.ggr" not in problems


def test_a_code_that_a_spreadsheet_would_run_and_an_unknown_account_are_refused(
    days: SignedDays,
) -> None:
    days.configure({**CODES, "ggr": "=1+1", "goodwill": "1"})

    refusal = days.run("config", "check", code=2)

    assert "journal.accounts.ggr" in refusal
    assert "journal.accounts.goodwill" in refusal


def test_a_correction_after_sign_off_is_a_journal_of_its_own(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)
    before = days.export(FIRST, NEXT)
    within = InRound(provider=SLUG, round_id="r2", side="payout")
    days.play(NEXT, adjust("adj-1", 100, within=within))

    refusal = days.run("journal", "export", "--period", BOTH, by="maria", code=1)
    days.reopen(FIRST)
    days.sign(FIRST)
    after = days.export(FIRST, NEXT)

    assert "lottery 2026-06-01 (changed since)" in refusal
    assert after[: len(before)] == before
    added = after[len(before) :]
    assert {row["external_id"] for row in added} == {"tieout-lottery-2026-06-01-EUR-2"}
    assert {row["journal"] for row in added} == {"4"}
    assert [
        (row["nature"], row["account"], row["debit"], row["credit"])
        for row in added
        if row["nature"] == "correction"
    ] == [("correction", "player_wallet", "", "1.00"), ("correction", "ggr", "1.00", "")]
    assert booked(after) == days.moved(FIRST, NEXT)


def test_a_write_off_after_sign_off_is_booked_by_its_nature(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)
    days.export(FIRST, NEXT)
    ((break_id, difference),) = days.rows(
        "SELECT break_id, difference FROM breaks WHERE round_id = 'r2'"
    )
    words = ("--reason", "too small to dispute")
    days.run("breaks", "write-off", break_id, *words, by="maria")
    days.run("breaks", "approve", break_id, by="jonas")

    days.sign_changed(FIRST)
    after = days.export(FIRST, NEXT)

    assert [
        (row["external_id"], row["account"], minor(row["credit"]) - minor(row["debit"]))
        for row in after
        if row["nature"] == "write_off"
    ] == [
        ("tieout-lottery-2026-06-01-EUR-2", "ggr", -difference),
        ("tieout-lottery-2026-06-01-EUR-2", "difference", difference),
    ]
    assert booked(after) == days.moved(FIRST, NEXT)


def test_a_fee_is_accrued_for_a_whole_month_as_an_invoice_is_checked(days: SignedDays) -> None:
    last = date(2026, 5, 31)
    days.play(last, bet("m1", 10_000, round_id="m1"))
    days.sign(last, FIRST)

    part = days.export(date(2026, 5, 2), last)
    month = days.export(date(2026, 5, 1), last)
    again = days.export(date(2026, 5, 1), FIRST)

    assert {row["kind"] for row in part} == {"day"}
    assert [
        (row["external_id"], row["account"], row["debit"], row["credit"], row["date"])
        for row in month
        if row["kind"] == "fee"
    ] == [
        ("tieout-lottery-fee-2026-05-EUR-1", "provider_fee", "15.00", "", "2026-05-31"),
        ("tieout-lottery-fee-2026-05-EUR-1", "provider_fee_accrued", "", "15.00", "2026-05-31"),
    ]
    assert [row for row in again if row["kind"] == "fee"] == [
        row for row in month if row["kind"] == "fee"
    ]


def test_a_part_of_a_month_leaves_the_fee_of_the_month_as_it_is(days: SignedDays) -> None:
    last = date(2026, 5, 31)
    days.play(last, bet("m1", 10_000, round_id="m1"))
    days.sign(last)

    month = days.export(date(2026, 5, 1), last)
    part = days.export(last, last)

    assert [row["external_id"] for row in part if row["kind"] == "fee"] == [
        *("tieout-lottery-fee-2026-05-EUR-1", "tieout-lottery-fee-2026-05-EUR-1")
    ]
    assert part == month


def test_xero_gets_its_columns_dates_and_signs(days: SignedDays, tmp_path: Path) -> None:
    days.sign(FIRST, NEXT)
    file = tmp_path / "xero.csv"

    words = ("--period", BOTH, "--format", "xero", "--out", str(file))
    days.run("journal", "export", *words, by="maria")

    raw = file.read_bytes()
    assert raw.startswith(b'"*Narration","*Date","Description","*AccountCode","*TaxRate",')
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8"))))
    assert {row["*Date"] for row in rows} == {"01 Jun 2026", "02 Jun 2026"}
    assert {row["*TaxRate"] for row in rows} == {"Tax Exempt"}
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["*Narration"]] += minor(row["*Amount"])
    assert len(sums) == 3
    assert set(sums.values()) == {0}
    wallet = [row for row in rows if row["*AccountCode"] == CODES["player_wallet"]]
    assert minor(wallet[0]["*Amount"]) == 1_000 - 300 + 500 - 200


def test_netsuite_gets_one_external_id_a_journal_and_a_debit_or_a_credit_a_line(
    days: SignedDays,
) -> None:
    days.sign(FIRST, NEXT)

    rows = days.export(FIRST, NEXT, "--format", "netsuite")

    assert list(rows[0]) == [
        *("External ID", "Date", "Currency", "Memo", "Journal Entry - Line: Account"),
        *("Journal Entry - Line: Debit", "Journal Entry - Line: Credit"),
        "Journal Entry - Line: Memo",
    ]
    assert {row["Date"] for row in rows} == {"2026-06-01", "2026-06-02"}
    for row in rows:
        debit, credit = (row[f"Journal Entry - Line: {side}"] for side in ("Debit", "Credit"))
        assert bool(debit) != bool(credit)


def test_issued_journals_are_listed_with_their_lines(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)
    days.export(FIRST, NEXT)

    listed = days.json("journal", "list", "--period", "2026-06")

    assert [journal["number"] for journal in listed] == [1, 2, 3]
    assert listed[0]["issued_by"] == "maria"
    assert [line["account"] for line in listed[0]["lines"]] == [
        *("player_wallet", "provider_clearing")
    ]
    assert "tieout-lottery-2026-06-01-EUR-1" in days.run("journal", "list")
    assert days.json("journal", "list", "--period", "2026-07") == []


def test_a_person_without_the_right_exports_nothing(days: SignedDays) -> None:
    days.sign(FIRST, NEXT)

    days.run("journal", "export", "--period", BOTH, code=2)

    assert days.rows("SELECT count(*) FROM journals") == [(0,)]


@pytest.mark.parametrize("period", ["2026-13", "june", "2026-06-02..2026-06-01", "2026-6"])
def test_a_wrong_period_is_refused(days: SignedDays, period: str) -> None:
    refusal = days.run("journal", "export", "--period", period, by="maria", code=2)

    assert "--period" in refusal


@pytest.mark.parametrize("seed", range(6))
def test_any_books_are_booked_exactly_whatever_was_corrected_in_between(
    tmp_path: Path, database: str, seed: int
) -> None:
    days = SignedDays(tmp_path, database)
    for day, fact in random_facts(seed, days=3):
        days.play(day, fact)
    last = FIRST + timedelta(days=2)
    span = [FIRST + timedelta(days=number) for number in range(3)]
    days.sign_changed(*span)

    before = days.export(FIRST, last)
    for number, (_, fact) in enumerate(random_facts(seed + 1_000, days=1)):
        days.play(span[number % 3], fact)
    days.sign_changed(*span)
    after = days.export(FIRST, last)

    assert after[: len(before)] == before
    assert booked(after) == days.moved(FIRST, last)
    assert sorted({int(row["journal"]) for row in after}) == list(
        range(1, len(by_journal(after)) + 1)
    )
    for lines in by_journal(after).values():
        assert sum(minor(row["debit"]) - minor(row["credit"]) for row in lines) == 0


def test_the_database_keeps_journals_whole_in_order_and_of_signed_days(
    days: SignedDays,
) -> None:
    days.sign(FIRST, NEXT)
    days.export(FIRST, NEXT)
    insert = (
        "INSERT INTO journals (journal_no, external_id, provider, kind, business_day, currency,"
        " version, digits, lines, day_step, issued_by) VALUES ({}, 'x', 'lottery', 'day', '{}',"
        " 'EUR', {}, 2, 2, 2, 'maria')"
    )
    for statement, expected in (
        (insert.format(9, FIRST, 2), "does not follow"),
        (insert.format(4, FIRST, 3), "does not follow"),
        (insert.format(4, NEXT + timedelta(days=1), 1), "is not signed"),
        (insert.format(4, FIRST, 2), "has 0 of 2 lines"),
        ("INSERT INTO journal_lines VALUES (1, 99, 'play', 'ggr', '1', 5)", "lines and a sum"),
        ("UPDATE journals SET external_id = 'y'", "append-only"),
        ("DELETE FROM journal_lines", "append-only"),
    ):
        with pytest.raises(RestrictViolation, match=expected):
            execute(days, statement)


def test_two_exports_at_once_number_every_journal_once(
    days: SignedDays, tmp_path: Path
) -> None:
    days.sign(FIRST, NEXT)
    periods = (BOTH, str(FIRST), BOTH, str(NEXT))

    exports = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "ops", "--config", str(tmp_path / "tieout.toml")),
                *("journal", "export", "--period", period),
                *("--out", str(tmp_path / f"{number}.csv")),
            ],
            env={**os.environ, "TIEOUT_TOKEN": token_of("maria")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, period in enumerate(periods)
    ]
    errors = [export.communicate(timeout=60)[1] for export in exports]

    assert [export.returncode for export in exports] == [0, 0, 0, 0], errors
    assert days.rows("SELECT array_agg(journal_no ORDER BY journal_no) FROM journals") == [
        ([1, 2, 3],)
    ]
    rows = days.export(FIRST, NEXT)
    assert booked(rows) == days.moved(FIRST, NEXT)
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("eur", "--currency: a code such as EUR is expected, not 'eur': EUR?"),
        ("EUX", "--currency: the period has no journal in EUX, but in EUR"),
    ],
)
def test_a_mistyped_currency_is_refused_and_nothing_is_issued(
    days: SignedDays, code: str, says: str
) -> None:
    days.sign(FIRST, NEXT)

    words = ("journal", "export", "--period", BOTH, "--currency", code)
    assert says in days.run(*words, by="maria", code=1)
    assert days.rows("SELECT count(*) FROM journals") == [(0,)]


def test_a_folder_that_is_not_there_is_refused_before_anything_is_issued(
    days: SignedDays, tmp_path: Path
) -> None:
    days.sign(FIRST, NEXT)

    file = str(tmp_path / "nowhere" / "june.csv")
    refusal = days.run("journal", "export", "--period", BOTH, "--out", file, by="maria", code=1)

    assert "--out: the folder" in refusal
    assert days.rows("SELECT count(*) FROM journals") == [(0,)]
