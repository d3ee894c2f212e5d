"""A pack shows the workflow of breaks, gaps of the feeds, evidence, and checked invoices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from breaks.actions import apply, assigning, explaining
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, record_findings
from reconcile.invoices.check import check_invoice
from reconcile.invoices.claims import Claim, Invoice
from reconcile.invoices.terms import FeeTerms, Tier
from reconcile.runs.request import RunRequest
from reconcile.totals.tie_out import totals
from reports.files.html_page import ROWS_SHOWN_MAX
from reports.files.write import write_pack
from reports.pack import CheckedInvoice, Pack
from reports.tables.contents import grids
from storage.engine import open_engine
from tests.harness.books.reports import (
    DAY,
    EVENING,
    HOSTILE,
    SCRIPT,
    STEM,
    Files,
    fill,
    on_page,
    pack_of,
    restate,
    run,
)
from vocabulary.window import Window

TOMORROW = EVENING + timedelta(days=1, hours=1)
TEN_PERCENT = FeeTerms(
    currency="USD", digits=2, tiers=(Tier(up_to=None, share=Fraction(1, 10)),)
)


@pytest.fixture
def filled(database: str) -> str:
    fill(database)
    return database


def _written(pack: Pack, folder: Path) -> Files:
    """Write the pack; all its files must show the same figures."""
    files = Files(write_pack(pack, folder))
    for grid in grids(pack):
        table = files.csv_rows(grid)
        assert files.sheet_rows(grid) == table, grid.name
        assert files.page_rows(grid) == list(on_page(grid, table)), grid.name
    return files


def test_a_break_shows_its_state_assignee_age_and_due_date(filled: str, tmp_path: Path) -> None:
    run(filled)
    rounds = {break_.round_id: break_.break_id for break_ in pack_of(filled).breaks}
    engine = open_engine(filled)
    apply(engine, rounds["r2"], assigning(to="maria", by="jonas", now=TOMORROW))
    apply(engine, rounds[SCRIPT], explaining(by="jonas", why="a test of theirs", now=TOMORROW))
    engine.dispose()

    files = _written(pack_of(filled, at=TOMORROW), tmp_path)

    breaks = {row["round_id"]: row for row in files.table("breaks")}
    assert (breaks["r2"]["state"], breaks["r2"]["assignee"]) == ("assigned", "maria")
    assert (breaks["r2"]["age_hours"], breaks["r2"]["overdue"]) == ("25", "OVERDUE")
    assert breaks["r2"]["due"] == "2026-03-02T20:00:00Z"
    settled = breaks[SCRIPT]
    assert (settled["state"], settled["due"]) == ("explained", "nobody has to act")
    assert settled["overdue"] == ""
    assert [row["Overdue"] for row in files.table("breaks-by-kind")] == ["1", "0", "1"]


def test_a_break_names_its_evidence(filled: str, tmp_path: Path) -> None:
    run(filled)
    files = _written(pack_of(filled), tmp_path)
    evidence = {row["round_id"]: row["evidence"] for row in files.table("breaks")}
    assert "records: r2" in evidence["r2"]
    assert f'href="#{files.table("differences")[0]["Break"]}"' in files.page.read_text("utf-8")


def test_a_day_is_open_until_closed_and_then_shows_what_was_restated(
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
    assert (row["State"], row["By run"]) == ("closed", pack.run.run_id)
    assert (row["Records then"], row["Restated"]) == ("4", "1")
    assert (row["Restated by"], row["Currency"]) == ("3.00", "USD")


def test_days_are_business_days_in_the_providers_time_zone(filled: str) -> None:
    run(filled)
    days = pack_of(filled, zone="America/New_York").days
    assert [(str(day.day), day.whole) for day in days] == [
        ("2026-02-28", False),
        ("2026-03-01", False),
    ]


def test_what_was_not_read_is_listed_with_its_file(filled: str, tmp_path: Path) -> None:
    engine = open_engine(filled)
    with engine.begin() as connection:
        unparsable = [
            NewFinding(
                kind=FindingKind.UNPARSABLE_RECORD,
                detail="stake: a decimal is expected",
                file="march.csv",
                line=line,
            )
            for line in (7, 9)
        ]
        gap = NewFinding(kind=FindingKind.FEED_GAP, detail="nothing was told", covers=DAY)
        for feed, findings in (("statement", unparsable), ("pull", [gap])):
            record_findings(
                connection, "agg", feed, scope="march", findings=findings, now=EVENING
            )
    engine.dispose()
    run(filled)

    rows = _written(pack_of(filled), tmp_path).table("not-read")

    assert {(row["What"], row["File"], row["Times"]) for row in rows} == {
        ("unparsable_record", "march.csv", "2"),
        ("feed_gap", "", "1"),
    }
    covers = {row["What"]: (row["From"], row["To"]) for row in rows}
    assert covers["unparsable_record"] == ("not known", "not known")
    assert covers["feed_gap"][0].startswith("2026-03-01")


def test_maturity_shows_its_source_and_the_number_of_records_behind_it(
    filled: str, tmp_path: Path
) -> None:
    learned = {"age_s": 240, "source": "learned", "per_mille": 995, "samples": 4_711}
    run(filled, maturity_basis={"bet": learned})
    (row,) = _written(pack_of(filled), tmp_path).table("maturity")
    assert list(row.values()) == ["bet", "240", "learned", "4711", "995"]


def test_the_manifest_names_rules_versions_and_inputs(filled: str, tmp_path: Path) -> None:
    run(filled)
    pack = pack_of(filled)
    rows = _written(pack, tmp_path).table("manifest")
    manifest = {row["What"]: row["Told"] for row in rows}
    assert pack.run is not None
    assert manifest["run"] == pack.run.run_id
    assert manifest["ours.identity"] == pack.run.manifest["ours"]["identity"]
    assert manifest["ours.holds"] == "yes"
    assert {"code", "rules.match", "rules.classify", "inputs.marks.batches"} <= set(manifest)


def test_the_first_page_ties_from_both_sides_to_the_breaks(filled: str, tmp_path: Path) -> None:
    run(filled)
    files = _written(pack_of(filled), tmp_path)
    differences = {
        (row["Currency"], row["Figure"]): row["Theirs less ours"]
        for row in files.table("both-sides")
    }
    assert (
        differences["USD", "GGR"] == differences["USD", "of it breaks"] == "-987654321098769.68"
    )
    assert (differences["USD", "left over"], differences["JPY", "left over"]) == ("0.00", "0")
    owed = [row["Amount"] for row in files.table("breaks-by-kind")]
    assert owed == ["987654321098765.43", "3.00", "1.25"]
    assert {row["Left over"] for row in files.table("rounds")} == {"0"}


def test_checked_invoices_are_in_the_pack_with_the_rounds_behind_their_differences(
    filled: str, tmp_path: Path
) -> None:
    run(filled)
    march = Window(start=DAY.start, end=datetime(2026, 4, 1, tzinfo=UTC))
    request = RunRequest(provider="agg", window=march, maturity=timedelta(minutes=15))
    march_totals = totals(filled, request, now=TOMORROW, zone="UTC")
    claims = (
        Claim(game="plinko", currency="USD", ggr=1_125),
        Claim(game="plinko", currency="JPY", ggr=-200),
    )
    invoice = Invoice(name="=march.csv", currency="USD", claims=claims, fee=999)
    terms = FeeTerms(
        currency="USD", digits=2, tiers=TEN_PERCENT.tiers, rates={"JPY": Fraction(1, 100)}
    )
    check = check_invoice(invoice, march_totals, terms, {})
    checked = CheckedInvoice(period="2026-03", check=check, totals=march_totals)

    files = _written(pack_of(filled, invoices=(checked,)), tmp_path)

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
    (about,) = [
        grid for grid in grids(pack_of(filled, invoices=(checked,))) if grid.slug == "about"
    ]
    assert "=march.csv" in str(files.page_rows(about))


def test_a_table_too_long_for_the_page_names_the_csv_with_all_rows(
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
