"""Daily figures of the whole operation: counted in two ways, with unsigned days marked."""

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ledger.accepting.own_operations import InRound
from ledger.posting.posting import post_all_at
from tests.harness.books.ledger import SLUG, accept, adjust, bet, deposit, win, withdrawal
from tests.harness.books.signed_days import FIRST, SignedDays, minor, noon, random_facts

NEXT = FIRST + timedelta(days=1)


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    days = SignedDays(tmp_path, database)
    days.play(
        FIRST, deposit("d1", 50_000), bet("k1", 1_000, round_id="a"), withdrawal("w1", 200)
    )
    within = InRound(provider=SLUG, round_id="a", side="payout")
    days.play(NEXT, win("k2", 300, bet_key="k1", round_id="a"), adjust("c1", 70, within=within))
    return days


def test_a_day_has_stakes_payouts_funds_and_corrections_apart(days: SignedDays) -> None:
    days.sign(FIRST)

    report = days.json("figures", "--month", "2026-06")

    assert (report["zone"], report["ties"], report["unposted_batches"]) == ("UTC", True, 0)
    first, second = report["days"][:2]
    assert first == {
        "day": "2026-06-01",
        "currency": "EUR",
        "stakes": "10.00",
        "payouts": "0.00",
        "ggr": "10.00",
        "corrections": "0.00",
        "deposits": "500.00",
        "withdrawals": "2.00",
        "player_funds": "488.00",
        "player_debts": "0.00",
        "residual": {},
        "signed": True,
        "not_signed": [],
    }
    assert (second["payouts"], second["ggr"], second["corrections"]) == (
        "3.00",
        "-3.00",
        "0.70",
    )
    assert second["player_funds"] == "491.70"
    assert second["signed"] is False
    assert second["not_signed"] == ["lottery 2026-06-02 (ready)"]
    assert [day["player_funds"] for day in report["days"][2:]] == ["491.70"] * 28


def test_csv_and_table_hold_the_same_figures(days: SignedDays, tmp_path: Path) -> None:
    file = tmp_path / "june.csv"
    days.run("figures", "--month", "2026-06", "--format", "csv", "--out", str(file))
    table = days.run("figures", "--day", "2026-06-02")

    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert [row["day"] for row in rows[:2]] == ["2026-06-01", "2026-06-02"]
    assert (rows[1]["ggr"], rows[1]["signed"]) == ("-3.00", "no")
    assert rows[1]["not_signed"] == "lottery 2026-06-02 (ready)"
    assert "2026-06-02: not signed: lottery 2026-06-02 (ready)" in table


def test_the_operators_zone_decides_the_day_and_its_midnight(days: SignedDays) -> None:
    late = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    accept(days.database, bet("k9", 100, round_id="z"), at=late)
    post_all_at(days.database)

    in_utc = days.json("figures", "--day", "2026-06-01")["days"]
    days.configure(days.accounts, extra='[reporting]\nzone = "Europe/Warsaw"\n')
    in_warsaw = days.json("figures", "--day", "2026-06-01")["days"]

    assert [day["stakes"] for day in (*in_utc, *in_warsaw)] == ["11.00", "10.00"]
    assert [day["player_funds"] for day in (*in_utc, *in_warsaw)] == ["487.00", "488.00"]


def test_batches_without_entries_are_a_difference(days: SignedDays) -> None:
    accept(days.database, bet("k9", 100, round_id="z"), at=noon(FIRST))

    output = days.run("figures", "--day", "2026-06-01", code=1)

    assert "entries have -1.00 more ggr than operations" in output
    assert "1 accepted batch is not posted yet" in output


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--day", "soon"),
        ("--day", "2999-01-01"),
        ("--month", "2026"),
        ("--month", "2999-01"),
        ("--day", "today", "--month", "2026-06"),
    ],
)
def test_a_wrong_day_or_month_is_refused(days: SignedDays, words: tuple[str, ...]) -> None:
    days.run("figures", *words, code=2)


@pytest.mark.parametrize("seed", range(3))
def test_any_books_tie_and_carry_funds_from_day_to_day(
    tmp_path: Path, database: str, seed: int
) -> None:
    days = SignedDays(tmp_path, database)
    for day, fact in random_facts(seed, days=4):
        days.play(day, fact)

    report = json.loads(days.run("figures", "--month", "2026-06", "--json"))

    assert report["ties"] is True
    funds: dict[str, int] = defaultdict(int)
    for day in report["days"]:
        figures = {name: minor(day[name]) for name in day if isinstance(day[name], str)
                   and name not in {"day", "currency"}}  # fmt: skip
        moved = figures["deposits"] - figures["withdrawals"] - figures["ggr"]
        funds[day["currency"]] += moved + figures["corrections"]
        assert figures["player_funds"] + figures["player_debts"] == funds[day["currency"]]
    balance = days.rows(
        "SELECT sum(amount) FROM operations WHERE decision = 'accepted'"
        " AND received_at < '2026-07-01'"
    )
    assert funds["EUR"] == balance[0][0]
    assert date.fromisoformat(report["days"][-1]["day"]) == date(2026, 6, 30)
