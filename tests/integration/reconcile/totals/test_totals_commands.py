"""Totals, invoices, resolution rates and what-if, as commands."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.servers.command_line import run_tieout
from vocabulary.clock import SystemClock

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
"""


class CommandLine:
    """``tieout`` against one database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        text = SETTINGS.format(database=database)
        (folder / "tieout.toml").write_text(text, encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_tieout(self.folder, *words)

    def json(self, *words: str, code: int) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    books = TwoBooks()
    books.both("r1", 10_000, 2_000)
    books.ours("r2", 500, 0)
    books.theirs("r2", 500, 125)
    books.write(database)
    return CommandLine(tmp_path, database)


def test_totals_print_the_rounds_of_a_day_and_exit_with_one_where_breaks_are(
    tieout: CommandLine,
) -> None:
    span = ("--provider", "agg", "--from", "2026-03-01", "--to", "2026-03-02")
    output = tieout.json("totals", *span, "--by", "game", "--rounds", "2026-03-01", code=1)
    (row,) = output["totals"]
    assert (row["game"], row["difference"]["ggr"], row["residual"]) == (
        "plinko",
        "-1.25",
        "0.00",
    )
    assert row["explained"] == {"payout_mismatch": "-1.25"}
    assert [line["round_key"] for line in output["rounds"]] == ["r2"]


def test_an_invoice_is_checked_and_exits_with_one_where_it_does_not_tie(
    tieout: CommandLine,
) -> None:
    path = tieout.folder / "march.csv"
    path.write_text("currency,ggr,fee\nUSD,83.75,8.38\n", encoding="utf-8")
    words = ("invoice", "check", str(path), "--provider", "agg", "--period", "2026-03")
    output = tieout.json(*words, code=1)
    assert output["fee"] == {
        "claimed": "8.38",
        "ours": "8.50",
        "difference": "-0.12",
        "by_ggr": "-0.12",
        "by_terms": "0.00",
    }
    assert output["lines"][0]["unexplained"] == "0.00"


def test_resolution_rates_and_what_if_are_printed_by_command(
    tieout: CommandLine, database: str
) -> None:
    yesterday = SystemClock().now() - timedelta(days=1)
    books = TwoBooks()
    books.ours("now", 500, 0, at=yesterday)
    books.theirs("now", 500, 150, at=yesterday)
    books.write(database)
    metrics = tieout.run("explained", "--prometheus").stdout
    assert 'tieout_explained_rows{provider="agg"} 1.0' in metrics.splitlines()
    words = ("reconcile", "what-if", "--provider", "agg", "--days", "2")
    effect = tieout.json(*words, "--set", "tolerance.USD=1.50", code=0)
    assert (effect["before"], effect["after"]) == (1, 0)
    assert [break_["round_key"] for break_ in effect["hidden"]] == ["now"]
