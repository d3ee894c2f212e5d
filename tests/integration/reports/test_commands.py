"""``tieout report`` on the command line, with invoices."""

import json
from pathlib import Path

import pytest

from tests.harness.books.reports import STEM, Files, fill, run
from tests.harness.servers.command_line import run_tieout

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "agg"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.terms]
currency = "USD"
tiers = [{{ share = "10" }}]
rates = {{ JPY = "0.01" }}
"""


@pytest.fixture
def folder(tmp_path: Path, database: str) -> Path:
    """A folder with settings and two invoices; the database has no rounds."""
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database), "utf-8")
    for name, ggr in (("first.csv", "12.50"), ("second.csv", "99.00")):
        (tmp_path / name).write_text(f"currency,ggr,fee\nUSD,{ggr},1.25\n", "utf-8")
    return tmp_path


def test_each_invoice_is_checked_with_its_own_period(folder: Path, database: str) -> None:
    fill(database)
    run(database)
    command = ("report", "--provider", "agg", "--out", str(folder / "out"), "--json")
    first = ("--invoice", str(folder / "first.csv"), "--period", "2026-03")
    second = ("--invoice", str(folder / "second.csv"), "--period", "2026-04-01/2026-04-02")
    result = run_tieout(folder, *command, *first, *second)
    assert result.returncode == 0, result.stderr
    files = Files([Path(path) for path in json.loads(result.stdout)["agg"]])
    assert files.stem == STEM
    invoices = [(row["Invoice"], row["Period"], row["Ties"]) for row in files.table("invoices")]
    assert invoices == [
        ("first.csv", "2026-03", "NO"),
        ("second.csv", "2026-04-01/2026-04-02", "NO"),
    ]
    lines = {
        (row["Invoice"], row["Currency"]): (row["GGR ours"], row["Difference"])
        for row in files.table("invoice-lines")
    }
    assert lines["first.csv", "USD"] == ("15.50", "-3.00")
    assert lines["second.csv", "USD"] == ("0.00", "99.00")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--all", "--invoice", "first.csv", "--period", "2026-03"), "one provider's"),
        (("--provider", "agg", "--invoice", "first.csv"), "1 invoice and 0 periods"),
        (("--provider", "agg", "--invoice", "gone.csv", "--period", "2026-03"), "No such file"),
    ],
)
def test_an_invoice_that_cannot_be_checked_writes_no_pack(
    folder: Path, options: tuple[str, ...], message: str
) -> None:
    result = run_tieout(folder, "report", "--out", str(folder / "out"), *options)
    assert result.returncode == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert not (folder / "out").exists()


RATES = """
[reporting]
currency = "EUR"
rates = "rates.csv"
"""


def _with_rates(folder: Path, lines: str) -> None:
    settings = folder / "tieout.toml"
    first, providers = settings.read_text("utf-8").split("[[providers]]")
    settings.write_text(f"{first}{RATES}[[providers]]{providers}", "utf-8")
    (folder / "rates.csv").write_text(f"day,currency,rate,source\n{lines}", "utf-8")


def test_a_pack_shows_ggr_in_the_reporting_currency_beside_the_original(
    folder: Path, database: str
) -> None:
    fill(database)
    run(database)
    _with_rates(folder, "2026-03-01,USD,0.5,ECB\n2026-03-01,JPY,0.01,ECB\n")
    result = run_tieout(folder, "report", "--all", "--out", str(folder / "out"), "--json")
    assert result.returncode == 0, result.stderr
    files = Files([Path(path) for path in json.loads(result.stdout)["agg"]])
    rows = {row["Currency"]: row for row in files.table("reporting-currency")}
    assert (rows["JPY"]["GGR ours"], rows["JPY"]["Ours in EUR"]) == ("-200", "-2.00")
    assert (rows["USD"]["GGR ours"], rows["USD"]["Ours in EUR"]) == ("15.50", "7.75")
    assert (rows["USD"]["Rate"], rows["USD"]["Source"]) == ("0.5", "ECB")


def test_totals_add_up_in_the_reporting_currency_and_name_what_has_no_rate(
    folder: Path, database: str
) -> None:
    fill(database)
    run(database)
    _with_rates(folder, "2026-03-01,JPY,0.01,ECB\n2026-03-02,USD,0.5,ECB\n")
    command = ("totals", "--provider", "agg", "--from", "2026-03-01", "--to", "2026-03-02")
    document = json.loads(run_tieout(folder, *command, "--json").stdout)["reporting"]
    assert document["missing"] == [{"day": "2026-03-01", "currency": "USD"}]
    assert document["ggr"] == {"ours": "-2.00", "theirs": "-2.00", "difference": "0.00"}
    text = run_tieout(folder, *command).stdout
    assert "GGR in EUR: ours -2.00, theirs -2.00, difference 0.00" in text
    assert "not converted, no rate: USD on 2026-03-01" in text


def test_a_wrong_file_of_rates_writes_no_pack(folder: Path, database: str) -> None:
    fill(database)
    run(database)
    _with_rates(folder, "2026-03-01,USD,1.1.1,ECB\n")
    result = run_tieout(folder, "report", "--all", "--out", str(folder / "out"))
    assert result.returncode == 2
    assert "rates.csv line 2: rate: a decimal above zero" in result.stderr
    assert not (folder / "out").exists()


def test_a_reporting_currency_needs_rates(folder: Path) -> None:
    _with_rates(folder, "")
    settings = folder / "tieout.toml"
    settings.write_text(settings.read_text("utf-8").replace('rates = "rates.csv"', ""), "utf-8")
    result = run_tieout(folder, "config", "check")
    assert result.returncode == 2
    assert "reporting: expected currency and rates together" in result.stderr
