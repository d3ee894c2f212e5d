"""Beside amounts a pack tells who deals with what, what was not read, and what it rests on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from breaks.actions import assigning, do, explaining
from feeds.findings import FindingKind, NewFinding, note
from reconcile.invoices.check import check_invoice
from reconcile.invoices.file import Claim, Invoice
from reconcile.invoices.terms import FeeTerms, Tier
from reconcile.runs.request import RunRequest
from reconcile.totals.tie_out import totals
from reports.html_page import ROWS_SHOWN_MAX
from reports.report import CheckedInvoice, Pack
from reports.tables.contents import grids
from reports.write import write_pack
from storage.engine import open_engine
from tests.harness.books.reports import (
    DAY,
    EVENING,
    HOSTILE,
    SCRIPT,
    STEM,
    Files,
    fill,
    pack_of,
    restate,
    run,
    shown,
)
from vocabulary.window import Window

TOMORROW = EVENING + timedelta(days=1, hours=1)
TEN_PERCENT = FeeTerms(currency="USD", tiers=(Tier(up_to=None, share=Fraction(1, 10)),))


@pytest.fixture
def filled(database: str) -> str:
    fill(database)
    return database


def _written(pack: Pack, folder: Path) -> Files:
    """The pack's files, which all show the same."""
    files = Files(write_pack(pack, folder))
    for grid in grids(pack):
        table = files.of_table(grid)
        assert files.of_sheet(grid) == table, grid.name
        assert files.of_page(grid) == list(shown(grid, table)), grid.name
    return files


def test_a_break_tells_who_deals_with_it_since_when_and_until_when(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    rounds = {each.round_id: each.break_id for each in pack_of(filled).breaks}
    engine = open_engine(filled)
    do(engine, rounds["r2"], assigning(to="maria", by="jonas", now=TOMORROW))
    do(engine, rounds[SCRIPT], explaining(by="jonas", why="a test of theirs", now=TOMORROW))
    engine.dispose()

    files = _written(pack_of(filled, at=TOMORROW), tmp_path)

    told = {row["round_id"]: row for row in files.table("breaks")}
    assert (told["r2"]["state"], told["r2"]["assignee"]) == ("assigned", "maria")
    assert (told["r2"]["age_hours"], told["r2"]["overdue"]) == ("25", "OVERDUE")
    assert told["r2"]["due"] == "2026-03-02T20:00:00Z"
    settled = told[SCRIPT]
    assert (settled["state"], settled["due"]) == ("explained", "nobody has to act")
    assert settled["overdue"] == ""
    assert [row["Overdue"] for row in files.table("breaks-by-kind")] == ["1", "0", "1"]


def test_a_break_names_what_it_rests_on(filled: str, tmp_path: Path) -> None:
    run(filled)
    files = _written(pack_of(filled), tmp_path)
    told = {row["round_id"]: row["evidence"] for row in files.table("breaks")}
    assert "records: r2" in told["r2"]
    assert f'href="#{files.table("differences")[0]["Break"]}"' in files.page.read_text("utf-8")


def test_a_day_is_open_until_it_is_signed_off_and_then_tells_what_was_restated(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    (row,) = _written(pack_of(filled), tmp_path / "open").table("days")
    assert (row["Day"], row["State"], row["By run"]) == ("2026-03-01", "open", "")

    run(filled, at=TOMORROW, close=DAY.start.date())
    restate(filled, "r2", 500, 425, at=TOMORROW + timedelta(hours=1))
    pack = pack_of(filled, at=TOMORROW + timedelta(hours=2))

    (row,) = _written(pack, tmp_path / "closed").table("days")
    assert pack.run is not None
    assert (row["State"], row["By run"]) == ("signed off", pack.run.run_id)
    assert (row["Records then"], row["Restated"]) == ("4", "1")
    assert (row["Restated by"], row["Currency"]) == ("3.00", "USD")


def test_days_are_the_providers_own(filled: str) -> None:
    run(filled)
    days = pack_of(filled, zone="America/New_York").days
    assert [(str(each.day), each.whole) for each in days] == [
        ("2026-02-28", False),
        ("2026-03-01", False),
    ]


def test_what_was_not_read_is_told_with_its_file(filled: str, tmp_path: Path) -> None:
    engine = open_engine(filled)
    with engine.begin() as connection:
        lost = [
            NewFinding(
                kind=FindingKind.UNPARSABLE_RECORD,
                detail="stake: a decimal is expected",
                file="march.csv",
                line=line,
            )
            for line in (7, 9)
        ]
        hole = NewFinding(kind=FindingKind.FEED_GAP, detail="nothing was told", covers=DAY)
        for feed, found in (("statement", lost), ("pull", [hole])):
            note(connection, "agg", feed, scope="march", found=found, now=EVENING)
    engine.dispose()
    run(filled)

    rows = _written(pack_of(filled), tmp_path).table("not-read")

    assert {(row["What"], row["File"], row["Times"]) for row in rows} == {
        ("unparsable_record", "march.csv", "2"),
        ("feed_gap", "", "1"),
    }
    told = {row["What"]: (row["From"], row["To"]) for row in rows}
    assert told["unparsable_record"] == ("not known", "not known")
    assert told["feed_gap"][0].startswith("2026-03-01")


def test_maturity_tells_its_source_and_how_much_it_was_learned_from(
    filled: str, tmp_path: Path
) -> None:
    learned = {"age_s": 240, "source": "learned", "per_mille": 995, "samples": 4_711}
    run(filled, maturity_basis={"bet": learned})
    (row,) = _written(pack_of(filled), tmp_path).table("maturity")
    assert list(row.values()) == ["bet", "240", "learned", "4711", "995"]


def test_the_manifest_names_rules_versions_and_what_was_read(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    pack = pack_of(filled)
    told = {row["What"]: row["Told"] for row in _written(pack, tmp_path).table("manifest")}
    assert pack.run is not None
    assert told["run"] == pack.run.run_id
    assert told["ours.identity"] == pack.run.manifest["ours"]["identity"]
    assert told["ours.holds"] == "yes"
    assert {"code", "rules.match", "rules.classify", "inputs.marks.batches"} <= set(told)


def test_the_first_page_ties_from_both_sides_to_the_breaks(filled: str, tmp_path: Path) -> None:
    run(filled)
    files = _written(pack_of(filled), tmp_path)
    told = {
        (row["Currency"], row["Figure"]): row["Theirs less ours"]
        for row in files.table("both-sides")
    }
    assert told["USD", "GGR"] == told["USD", "of it breaks"] == "-987654321098769.68"
    assert (told["USD", "left over"], told["JPY", "left over"]) == ("0.00", "0")
    owed = [row["Amount"] for row in files.table("breaks-by-kind")]
    assert owed == ["987654321098765.43", "3.00", "1.25"]
    assert {row["Left over"] for row in files.table("rounds")} == {"0"}


def test_checked_invoices_stand_in_the_pack_with_the_rounds_behind_them(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    march = Window(start=DAY.start, end=datetime(2026, 4, 1, tzinfo=UTC))
    asked = RunRequest(provider="agg", window=march, maturity=timedelta(minutes=15))
    told = totals(filled, asked, now=TOMORROW, zone="UTC")
    claims = (
        Claim(game="plinko", currency="USD", ggr=1_125),
        Claim(game="plinko", currency="JPY", ggr=-200),
    )
    invoice = Invoice(name="=march.csv", currency="USD", claims=claims, fee=999)
    terms = FeeTerms(currency="USD", tiers=TEN_PERCENT.tiers, rates={"JPY": Fraction(1, 100)})
    check = check_invoice(invoice, told, terms, {})
    one = CheckedInvoice(period="2026-03", check=check, totals=told)

    files = _written(pack_of(filled, invoices=(one,)), tmp_path)

    (fee,) = files.table("invoices")
    assert (fee["Invoice"], fee["Period"], fee["Fee claimed"]) == (
        "'=march.csv",
        "2026-03",
        "9.99",
    )
    assert fee["Ties"] == "NO"
    lines = {(row["Game"], row["Currency"]): row for row in files.table("invoice-lines")}
    plinko = lines["plinko", "USD"]
    assert (plinko["GGR ours"], plinko["Difference"]) == ("12.50", "-1.25")
    assert lines["unknown", "USD"]["GGR claimed"] == "0.00"
    rounds = {row["Round"]: row for row in files.table("invoice-rounds")}
    assert (rounds["r2"]["Cause"], rounds["r2"]["GGR"]) == ("payout_mismatch", "-1.25")
    assert rounds["r2"]["Player"] == f"'{HOSTILE}"
    assert "=march.csv" in str(files.of_page(grids(pack_of(filled, invoices=(one,)))[0]))


def test_a_page_longer_than_a_browser_bears_says_where_the_rest_is(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    pack = pack_of(filled)
    many = tuple(
        replace(pack.breaks[-1], break_id=f"brk-{number}")
        for number in range(ROWS_SHOWN_MAX + 1)
    )
    files = Files(write_pack(replace(pack, breaks=many), tmp_path))
    page = files.page.read_text(encoding="utf-8")
    assert f'id="brk-{ROWS_SHOWN_MAX - 1}"' in page
    assert f'id="brk-{ROWS_SHOWN_MAX}"' not in page
    assert " ".join(page.split()).count(f"the first 1,000 of 1,001: all of them are in {STEM}")
    assert len(files.table("breaks")) == ROWS_SHOWN_MAX + 1
    assert len(files.sheet("Breaks")) == ROWS_SHOWN_MAX + 1
