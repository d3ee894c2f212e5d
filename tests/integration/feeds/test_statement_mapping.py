"""``tieout feed import`` of a file with other column names: previewed, then imported."""

import json
import subprocess
from pathlib import Path

import psycopg

from tests.harness.servers.command_line import run_tieout

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.statement]
columns = {{transaction_id = "TxId"}}
"""
HEADER = "TxId,Note,action,user_id,currency,amount,rollback_transaction_id,created_at\n"
BET = "t-1,\x1b[2J,bet,alice,USD,5.00,,2026-03-01T10:00:00Z\n"


def imported(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "day.csv").write_text(text)
    return run_tieout(
        folder, "feed", "import", str(folder / "day.csv"), "--provider", "book", *words
    )


def test_a_preview_stores_nothing_and_needs_no_database(tmp_path: Path) -> None:
    nowhere = "postgresql://tieout@/tieout?host=/nonexistent"
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=nowhere))

    printed = imported(tmp_path, HEADER + BET, "--preview")
    as_json = imported(tmp_path, HEADER + BET, "--preview", "--json")
    wrong = imported(tmp_path, HEADER.replace("TxId", "Id") + BET, "--preview")

    assert printed.returncode == as_json.returncode == 0
    assert "TxId becomes transaction_id; 1 value: t-1\nNote is ignored; 1 value: " in (
        printed.stdout
    )
    assert "\x1b" not in printed.stdout
    assert json.loads(as_json.stdout)["columns"][0] == {
        "column": "TxId",
        "field": "transaction_id",
        "values": 1,
        "first": ["t-1"],
        "kinds": ["text"],
        "booked": ["t-1"],
    }
    assert wrong.returncode == 1
    assert "no column for transaction_id" in wrong.stderr
    assert "day.csv:1: header: these columns are missing: TxId" in wrong.stderr


def test_the_file_is_imported_under_our_field_names(tmp_path: Path, database: str) -> None:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))

    done = imported(tmp_path, HEADER + BET)

    assert done.returncode == 0, done.stderr
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT record_id, stake, source FROM feed_records")
        assert rows.fetchall() == [("t-1", 500, "day.csv")]


def test_a_preview_prints_the_settings_that_read_a_foreign_file(tmp_path: Path) -> None:
    nowhere = "postgresql://tieout@/tieout?host=/nonexistent"
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=nowhere))
    foreign = (HEADER + BET).replace(",", ";").replace("user_id", "Player")

    printed = imported(tmp_path, foreign, "--preview")
    as_json = imported(tmp_path, foreign, "--preview", "--json")

    assert printed.returncode == as_json.returncode == 1
    assert "8 expected" not in printed.stderr
    assert 'the file looks semicolon-separated: set delimiter = ";"' in printed.stderr
    block = json.loads(as_json.stdout)["suggestion"]["settings"]
    assert block in printed.stdout
    given = '[providers.statement]\ncolumns = {{transaction_id = "TxId"}}'
    (tmp_path / "tieout.toml").write_text(
        SETTINGS.format(database=nowhere).replace(given.format(), block)
    )
    assert imported(tmp_path, foreign, "--preview").returncode == 0
