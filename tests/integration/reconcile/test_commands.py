"""The commands print what other programs rely on, and their exit codes state the finding."""

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.harness.servers.command_line import run_tieout

HEADER = "transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at\n"
BET = "t-1,bet,alice,USD,5.00,,2026-03-01T10:00:00Z\n"
WIN = "t-2,result,alice,USD,9.00,,2026-03-01T10:01:00Z\n"
DAY = ("--from", "2026-03-01", "--to", "2026-03-02")
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[[providers]]
slug = "aggregator"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
"""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``tieout`` against one database."""

    folder: Path
    database: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_tieout(self.folder, *words)

    def json(self, *words: str, code: int) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def statement(self, *lines: str) -> str:
        path = self.folder / "day.csv"
        path.write_text(HEADER + "".join(lines), encoding="utf-8")
        return str(path)


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database), encoding="utf-8")
    return CommandLine(tmp_path, database)


def test_no_command_compares_days_that_have_not_begun(tieout: CommandLine) -> None:
    of_one = ("--provider", "sportsbook")
    day = tieout.run("reconcile", *of_one, "--day", "2999-03-01")
    window = tieout.run("totals", *of_one, "--from", "2999-03-01", "--to", "2999-03-02")

    assert (day.returncode, window.returncode) == (2, 2)
    assert "--day: 2999-03-01 has not begun in UTC" in day.stderr
    assert "--from: 2999-03-01 has not begun in UTC" in window.stderr
    with psycopg.connect(tieout.database) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_an_imported_statement_is_reconciled_and_differences_exit_with_one(
    tieout: CommandLine,
) -> None:
    file = tieout.statement(BET, WIN, WIN)
    imported = tieout.json("feed", "import", file, "--provider", "sportsbook", code=0)
    assert (
        imported.items()
        >= {
            "received": 3,
            "stored": 3,
            "versions": 2,
            "unreadable": [],
            "verdict": "imported",
        }.items()
    )
    assert [(f["kind"], f["record_id"]) for f in imported["findings"]] == [
        ("duplicated_key", "t-2")
    ]
    output = tieout.json("reconcile", "--provider", "sportsbook", *DAY, code=1)
    assert [(b["kind"], b["round_key"], b["difference"]) for b in output["breaks"]] == [
        ("missing_in_ledger", "t-1", "-5.00"),
        ("duplicate_at_provider", "t-2", "9.00"),
        ("missing_in_ledger", "t-2", "9.00"),
    ]
    assert output["theirs"] == {
        "rows": 2,
        "totals": {"USD": {"stake": "5.00", "payout": "18.00"}},
    }


def test_the_same_statement_again_changes_nothing(tieout: CommandLine) -> None:
    words = ("feed", "import", tieout.statement(BET), "--provider", "sportsbook")
    assert tieout.json(*words, code=0)["stored"] == 1
    assert tieout.json(*words, code=0)["stored"] == 0


def test_unreadable_lines_are_named_by_number_and_the_rest_is_imported(
    tieout: CommandLine,
) -> None:
    file = tieout.statement(BET, "t-9,bet,alice,USD,5.001,,2026-03-01T10:00:00Z\n", WIN)
    done = tieout.run("feed", "import", file, "--provider", "sportsbook")
    assert done.returncode == 1
    assert f"{file}:3: " in done.stderr
    assert "2 records, 2 new or changed, 1 unreadable line" in done.stdout


def test_feed_status_lists_every_provider_even_a_silent_one(tieout: CommandLine) -> None:
    tieout.run("feed", "import", tieout.statement(BET, WIN), "--provider", "sportsbook")
    silent, active = tieout.json("feed", "status", code=0)
    assert (
        silent.items()
        >= {
            "provider": "aggregator",
            "records": 0,
            "newest_created_at": None,
            "newest_updated_at": None,
            "pending": 0,
            "marks": [],
            "feeds": [],
            "stale": False,
        }.items()
    )
    assert (active["provider"], active["records"]) == ("sportsbook", 2)
    assert active["newest_created_at"] == "2026-03-01T10:01:00Z"


def test_books_that_agree_exit_with_zero(tieout: CommandLine) -> None:
    output = tieout.json("reconcile", "--provider", "aggregator", *DAY, code=0)
    assert (output["breaks"], output["conserved"]) == ([], True)


@pytest.mark.parametrize(
    "words",
    [
        ("reconcile", "--provider", "nobody", *DAY),
        ("reconcile", "--provider", "sportsbook", "--from", "yesterday", "--to", "2026-03-02"),
        ("reconcile", "--provider", "sportsbook", "--from", "2026-03-02", "--to", "2026-03-01"),
        ("reconcile", "--provider", "sportsbook", *DAY, "--maturity", "soon"),
        ("reconcile", "--provider", "sportsbook"),
        ("feed", "import", "/nonexistent.csv", "--provider", "sportsbook"),
        ("feed", "import", "tieout.toml", "--provider", "aggregator"),
    ],
)
def test_wrong_usage_exits_with_two_and_a_sentence(
    tieout: CommandLine, words: tuple[str, ...]
) -> None:
    done = tieout.run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_database_out_of_reach_exits_with_three(tieout: CommandLine) -> None:
    nowhere = SETTINGS.format(database="postgresql://tieout@/tieout?host=/nonexistent")
    (tieout.folder / "tieout.toml").write_text(nowhere, encoding="utf-8")
    done = tieout.run("reconcile", "--provider", "sportsbook", *DAY)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_the_run_is_stored_by_the_command(tieout: CommandLine) -> None:
    output = tieout.json("reconcile", "--provider", "sportsbook", *DAY, code=0)
    with psycopg.connect(tieout.database) as connection:
        row = connection.execute("SELECT run_id, provider FROM runs").fetchone()
    assert row == (output["run_id"], "sportsbook")


def test_the_report_command_writes_every_provider_and_prints_where(
    tieout: CommandLine, tmp_path: Path
) -> None:
    tieout.run("reconcile", "--provider", "sportsbook", *DAY)
    # No run compared anything of the other provider.
    output = tieout.json("report", "--all", "--out", str(tmp_path / "out"), code=1)
    assert sorted(output) == ["aggregator", "sportsbook"]
    kinds = Counter(Path(path).suffix for path in output["sportsbook"])
    assert kinds == {".xlsx": 1, ".html": 1, ".pdf": 1, ".csv": 26}
    assert all(Path(path).stat().st_size > 0 for paths in output.values() for path in paths)


def test_a_report_needs_a_provider_or_all(tieout: CommandLine, tmp_path: Path) -> None:
    assert tieout.run("report", "--out", str(tmp_path)).returncode == 2
    done = tieout.run("report", "--all", "--from", "2026-03-01", "--out", str(tmp_path))
    assert done.returncode == 2
