"""A statement: of a period, over all providers, signed; never of what nobody compared."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from breaks.actions import Note, apply, explaining, noting
from breaks.write_offs import approve_write_off, propose_write_off
from reports.files.pdf_statement import pdf_data
from reports.files.write import write_pack
from reports.pack import Pack
from reports.pack_document import document_of
from reports.sentences import warnings
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.differences.two_sides import NOON
from tests.harness.books.reports import Files
from tests.harness.books.statements import (
    DAYS,
    ONE_DAY,
    PERIOD,
    REPORT_AT,
    Desk,
    fill_days,
    reconcile_day,
    sign_day,
    window_of_day,
)
from vocabulary.errors import Malformed
from vocabulary.window import parse_window


@pytest.fixture(scope="module")
def desk(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Three days of two providers, each compared; two days of the first are signed."""
    postgres.clone("statements")
    desk = Desk(tmp_path_factory.mktemp("desk"), postgres.url("statements"))
    desk.write_settings()
    for provider in ("agg", "book"):
        fill_days(desk.database, provider)
        for day in DAYS:
            reconcile_day(desk.database, provider, day)
    for day in DAYS[:2]:
        sign_day(desk.database, day)
    yield desk
    postgres.drop("statements")


def _files(pack: Pack, folder: Path) -> Files:
    return Files(write_pack(pack, folder))


def test_a_period_is_reported_from_the_runs_of_its_days(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)

    assert files.stem == "agg-2026-03-01-to-2026-03-03"
    statement = {row["What"]: row["Statement"] for row in files.table("statement")}
    assert statement["entity"] == "Example Gaming Ltd"
    assert statement["period"] == "business days 2026-03-01 to 2026-03-03 (UTC)"
    assert statement["result"] == (
        "GGR of agg differs from ours by −0.93 USD; all of it in 3 breaks;"
        " unexplained 0.00 USD."
    )
    assert {row["Rounds"] for row in files.table("rounds")} == {"6"}
    assert {row["Left over"] for row in files.table("rounds")} == {"0"}


def test_breaks_roll_forward_from_close_to_close(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(window_of_day(DAYS[1])), tmp_path)

    rows = {row["Breaks"]: (row["Count"], row["Net"]) for row in files.table("roll-forward")}
    assert rows == {
        "opening": ("1", "0.30"),
        "plus new": ("1", "0.31"),
        "less closed": ("0", "0.00"),
        "closing": ("2", "0.61"),
        "plus new after that": ("1", "0.32"),
        "less closed after that": ("0", "0.00"),
        "open in this report": ("3", "0.93"),
    }
    at = {row["Breaks"]: row["At (UTC)"] for row in files.table("roll-forward")}
    assert at["opening"] == "2026-03-02T01:00:00Z"
    assert at["closing"] == "2026-03-03T01:00:00Z"


def test_the_calendar_has_every_day_with_state_difference_and_names(
    desk: Desk, tmp_path: Path
) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)

    rows = [
        (row["Day"], row["State"], row["Difference"], row["Open breaks"], row["Signed by"])
        for row in files.table("calendar")
    ]
    assert rows == [
        ("2026-03-01", "signed", "-0.30", "1", "jonas"),
        ("2026-03-02", "signed", "-0.31", "1", "jonas"),
        ("2026-03-03", "closed", "-0.32", "1", ""),
    ]
    rates = [row["Matched %"] for row in files.table("match-rate")]
    assert rates == ["33.33"] * 3


def test_the_names_of_signers_stand_there_and_a_line_where_nobody_signed(
    desk: Desk, tmp_path: Path
) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)

    rows = [
        (row["Role"], row["Name"].strip("_"), row["Days"]) for row in files.table("signatures")
    ]
    assert rows == [
        ("prepared by", "maria", "2 of 3 days"),
        ("prepared by", "", "1 of 3 days"),
        ("signed by", "jonas", "2 of 3 days"),
        ("signed by", "", "1 of 3 days"),
    ]


def test_the_pdf_has_the_tables_of_the_pack(desk: Desk) -> None:
    pack = desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC"))
    data: Any = pdf_data(document_of(pack))

    assert [table["name"] for table in data["first"]] == [
        *("Both sides", "Roll-forward of breaks"),
        *("Changed since sign-off", "Prepared and signed"),
    ]
    names = [table["name"] for table in data["next"]]
    assert {"Calendar", "Breaks", "Corrections", "GGR in the ledger"} <= set(names)
    assert data["sentences"][0].startswith("GGR of agg differs from ours by −0.93 USD")


def test_a_long_table_of_the_pdf_is_cut_and_counted(desk: Desk) -> None:
    pack = desk.pack(window_of_day(DAYS[0]))
    many = tuple(pack.breaks[0] for _ in range(5_000))
    data: Any = pdf_data(document_of(replace(pack, breaks=many)))

    (breaks,) = [table for table in data["next"] if table["name"] == "Breaks"]
    assert len(breaks["rows"]) == 50
    assert breaks["more"] == (
        "and 4,950 more of 5,000: all of them are in the workbook, sheet Breaks"
    )


def test_ggr_is_bridged_to_the_movement_of_the_account(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)

    rows = [
        (row["Line"], row["Account"], row["Amount"]) for row in files.table("ledger-bridge")
    ]
    assert rows == [
        ("our GGR in this report", "", "30.00"),
        ("less: in rounds that have not ended", "provider_clearing", "-6.00"),
        ("left over: in no account", "", "0.00"),
        ("booked for these rounds", "ggr", "24.00"),
        ("less: posted before or after this window", "ggr", "-6.00"),
        ("plus: posted in this window for other rounds", "ggr", "0.00"),
        ("movement of the account in this window", "ggr", "18.00"),
    ]


def test_figures_of_the_workbook_lead_to_their_rows(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)

    links = {
        cell.hyperlink.location
        for sheet in ("Statement", "Summary", "Calendar", "Differences")
        for row in files.book[sheet].iter_rows()
        for cell in row
        if cell.hyperlink
    }
    targets = {location.split("!")[0].strip("'") for location in links}
    assert targets == {"Breaks"}
    ids = {row["id"] for row in files.table("breaks")}
    cells = {files.book["Breaks"][location.split("!")[1]].value for location in links}
    assert cells <= ids
    assert len(cells) == 3


def test_the_workbook_draws_trend_match_rate_and_ageing(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC")), tmp_path)
    assert len(files.book["Charts"]._charts) == 4


def test_sheets_print_only_what_belongs_on_paper(desk: Desk, tmp_path: Path) -> None:
    files = _files(desk.pack(window_of_day(DAYS[0])), tmp_path)
    breaks = files.book["Breaks"]
    headings = [cell.value for cell in breaks[4]]
    assert headings.index("Due (UTC)") < headings.index("Evidence")
    assert breaks.print_title_rows == "$4:$4"
    assert breaks.print_area.startswith("'Breaks'!$A$1:")
    assert "Page &P" in str(breaks.oddFooter.right.text)


def test_a_period_that_no_run_compared_is_said_to_be_that(desk: Desk, tmp_path: Path) -> None:
    words = ("--provider", "agg", "--from", "2026-02-01", "--to", "2026-03-01")
    result = desk.run("report", *words, "--out", str(tmp_path), "--json")

    assert result.exit_code == 1
    assert "agg: no run compared business days 2026-02-01 to 2026-02-28 (UTC)" in result.stderr
    assert "tieout reconcile --provider agg" in result.stderr
    files = Files([Path(path) for path in json.loads(result.stdout)["agg"]])
    text = files.page.read_text("utf-8")
    assert "Nothing was booked" not in text
    assert "No activity" not in text
    assert "No run compared this window, so nothing can be said about it." in text
    assert {row["State"].split(",")[0] for row in files.table("calendar")} == {"NOT COMPARED"}


def test_a_period_that_was_compared_in_part_names_the_rest(desk: Desk, tmp_path: Path) -> None:
    words = ("--provider", "agg", "--from", "2026-03-02", "--to", "2026-03-06")
    result = desk.run("report", *words, "--out", str(tmp_path))

    assert result.exit_code == 1
    assert "business days 2026-03-04 to 2026-03-05 (UTC)" in result.stderr
    (path,) = tmp_path.glob("*-statement.csv")
    assert "No run compared 2026-03-04 00:00 to 2026-03-06 00:00 (UTC)" in path.read_text(
        "utf-8"
    )


def test_totals_of_an_empty_window_that_no_run_compared_say_so(desk: Desk) -> None:
    words = ("totals", "--provider", "agg", "--from", "2026-02-01", "--to", "2026-02-02")
    result = desk.run(*words)
    assert result.exit_code == 1
    assert "no run compared all of it, so nothing can be said about it" in result.stderr
    assert "every difference is explained" not in result.stdout
    assert json.loads(desk.run(*words, "--json").stdout)["compared"] is False


def test_a_day_that_was_compared_only_before_it_was_over_is_named_whatever_came_later(
    desk: Desk,
) -> None:
    pack = desk.pack(parse_window("2026-03-01", "2026-03-04", zone="UTC"))
    first, *later = sorted(pack.comparisons, key=lambda part: part.window.start)
    early = replace(pack, comparisons=(replace(first, started_at=NOON), *later))

    assert "only before it was over" not in " ".join(warnings(pack))
    assert (
        "2026-03-01 12:00 to 2026-03-02 00:00 (UTC) was compared only before it was over:"
        " reconcile it again before anybody signs." in warnings(early)
    )


def test_pdf_writes_only_the_statement(desk: Desk, tmp_path: Path) -> None:
    files = desk.files("--provider", "agg", *PERIOD, "--pdf", "--out", str(tmp_path))
    (path,) = files["agg"]
    assert path.name == "agg-2026-03-01-to-2026-03-03-statement.pdf"
    assert path.read_bytes().startswith(b"%PDF-")
    assert list(tmp_path.iterdir()) == [path]


def test_a_group_adds_the_providers_up_by_currency_and_in_one_currency(
    desk: Desk, tmp_path: Path
) -> None:
    written = desk.files("--group", *PERIOD, "--out", str(tmp_path))
    assert set(written) == {"agg", "book", "group"}
    group = Files(written["group"])

    assert group.stem == "group-2026-03-01-to-2026-03-03"
    statement = [row["Statement"] for row in group.table("statement")]
    assert (
        "GGR of all providers differs from ours by −1.86 USD; all of it in 6 breaks;"
        " unexplained 0.00 USD." in statement
    )
    rows = {row["Provider"]: row for row in group.table("providers")}
    assert (rows["agg"]["Signed"], rows["book"]["Signed"]) == ("2 of 3", "0 of 3")
    assert rows["agg"]["Difference"] == rows["book"]["Difference"] == "-0.93"
    reporting = {
        row["Provider"]: row["Theirs in EUR"] for row in group.table("reporting-currency")
    }
    assert reporting == {"agg": "14.53", "book": "14.53"}
    names = [(row["Name"].strip("_"), row["Days"]) for row in group.table("signatures")]
    assert names[:2] == [("maria", "2 of 6 days"), ("", "4 of 6 days")]
    assert len(group.table("breaks")) == 6
    charts = group.book["Charts"]._charts
    assert len(charts) == 4
    trend = [series.tx.v for series in charts[0].series]
    assert trend == ["agg USD", "book USD"]
    page = group.page.read_text("utf-8")
    assert page.count("<figure") == 4


def test_a_period_without_any_rate_has_no_sum_in_the_reporting_currency(
    desk: Desk, tmp_path: Path
) -> None:
    rates = "day,currency,rate,source\n2026-02-28,USD,0.5,ECB\n"
    (desk.folder / "rates.csv").write_text(rates, "utf-8")
    written = desk.files("--group", *PERIOD, "--out", str(tmp_path))
    desk.write_settings()
    of_group, of_provider = (Files(written[name]) for name in ("group", "agg"))

    for row in of_group.table("reporting-currency"):
        assert (row["Days without a rate"], row["Ours in EUR"]) == ("3", "")
    lines = of_group.book["Statement"].iter_rows(values_only=True)
    (total,) = ([*filter(None, line)] for line in lines if line[:2] == ("all providers", "EUR"))
    assert total == ["all providers", "EUR", 6]
    *_, foot = of_provider.sheet("Reporting currency")
    assert (foot["Day"], foot["Rate"], foot["Ours in EUR"]) == ("all days", "no rate", "")
    note = str(of_provider.book["Reporting currency"]["A3"].value)
    assert note.endswith(
        " Not converted, no rate: USD on 2026-03-01, USD on 2026-03-02, USD on 2026-03-03."
    )


def test_reasons_of_breaks_and_what_changed_since_sign_off_are_in_the_pack(
    database: str, tmp_path: Path
) -> None:
    fill_days(database, "agg")
    reconcile_day(database, "agg", DAYS[0])
    sign_day(database, DAYS[0])
    desk = Desk(tmp_path, database)
    (break_,) = desk.pack(window_of_day(DAYS[0])).breaks
    engine = open_engine(database)
    note = Note(kind="comment", body="They look at it.")
    at = REPORT_AT - timedelta(hours=1)
    apply(engine, break_.break_id, noting(note, by="maria", now=at))
    apply(engine, break_.break_id, explaining(by="jonas", why="A test of theirs", now=at))
    engine.dispose()

    files = _files(desk.pack(window_of_day(DAYS[0])), tmp_path / "out")

    words = {(row["By"], row["What"], row["Words"]) for row in files.table("comments")}
    assert words == {
        ("maria", "comment", "They look at it."),
        ("jonas", "explained", "A test of theirs"),
    }
    (change,) = files.table("since-sign-off")
    assert (change["Day"], change["Since"]) == ("2026-03-01", "signed by jonas")
    assert (change["Ours by"], change["Theirs by"]) == ("0.00", "0.00")
    assert (change["Open then"], change["Open now"]) == ("1", "0")
    lines = [row["Statement"] for row in files.table("statement")]
    assert "Changed since it was prepared or signed: 2026-03-01." in lines


def test_a_correction_stands_there_with_who_why_and_approver(
    database: str, tmp_path: Path
) -> None:
    fill_days(database, "agg")
    reconcile_day(database, "agg", DAYS[0])
    desk = Desk(tmp_path, database)
    (break_,) = desk.pack(window_of_day(DAYS[0])).breaks
    engine = open_engine(database)
    propose_write_off(
        engine, break_.break_id, by="maria", reason="too small to dispute", now=NOON + ONE_DAY
    )
    proposed = _files(desk.pack(window_of_day(DAYS[0])), tmp_path / "proposed").table(
        "corrections"
    )
    approve_write_off(engine, break_.break_id, by="jonas", now=NOON + ONE_DAY)
    engine.dispose()

    (row,) = _files(desk.pack(window_of_day(DAYS[0])), tmp_path / "booked").table("corrections")

    assert [line["Approved by"] for line in proposed] == ["NOT APPROVED"]
    assert (row["What"], row["Day"], row["Amount"]) == ("write-off", "2026-03-01", "0.30")
    assert (row["Why"], row["State"]) == ("too small to dispute", "booked")
    assert (row["Proposed by"], row["Approved by"]) == ("maria", "jonas")
    assert row["Break"] == break_.break_id


@pytest.mark.parametrize("words", [(), ("--provider", "agg", "--group")])
def test_one_choice_of_providers_is_expected(
    desk: Desk, words: tuple[str, ...], tmp_path: Path
) -> None:
    result = desk.run("report", "--out", str(tmp_path / "out"), *words)
    assert isinstance(result.exception, Malformed)  # which exits 2
    assert not (tmp_path / "out").exists()


def test_an_instant_fits_its_column_with_milliseconds(desk: Desk) -> None:
    pack = desk.pack(window_of_day(DAYS[0]))
    widths = {
        column.width
        for grid in document_of(pack).grids
        for column in grid.columns
        if column.heading.endswith("(UTC)")
    }
    # "2026-03-01 12:00:00.000", and the indentation.
    assert min(widths) >= 25
