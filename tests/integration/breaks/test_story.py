"""A break from found to closed, on the real command line, with its audit trail."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.servers.command_line import run_tieout

PLAYERS = "player,currency,balance\nalice,USD,20.00\n"
STATEMENT = """\
transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at
t-2,result,alice,USD,9.00,,2026-03-01T10:01:00Z
"""
DAY = ("--provider", "sportsbook", "--from", "2026-03-01", "--to", "2026-03-02")
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[breaks.roles]
jonas = "lead"
[breaks.limits.lead]
USD = "50.00"
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
"""
WHY = ("--reason", "the win of t-2 never came")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``tieout`` against one database, from a folder with a settings file."""

    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_tieout(self.folder, *words)

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    settings = SETTINGS.format(database=database)
    (tmp_path / "tieout.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "players.csv").write_text(PLAYERS, encoding="utf-8")
    (tmp_path / "day.csv").write_text(STATEMENT, encoding="utf-8")
    return CommandLine(tmp_path)


def test_a_break_goes_from_found_to_closed(tieout: CommandLine) -> None:
    day = str(tieout.folder / "day.csv")
    assert tieout.run("players", "import", str(tieout.folder / "players.csv")).returncode == 0
    assert tieout.run("feed", "import", day, "--provider", "sportsbook").returncode == 0

    (break_,) = tieout.json("reconcile", *DAY, code=1)["breaks"]
    name = break_["id"]
    tieout.json("breaks", "attach", name, "--file", day, "--by", "erin")
    tieout.json("breaks", "assign", name, "--to", "maria", "--by", "erin")
    (proposal,) = tieout.json("breaks", "propose", name, "--by", "maria", *WHY)
    own = tieout.run("breaks", "approve", name, "--by", "maria")
    tieout.json("breaks", "approve", name, "--by", "jonas")
    again = tieout.json("reconcile", *DAY, code=0)
    history = tieout.json("breaks", "show", name)
    verified = tieout.json("ledger", "verify", code=0)

    assert (break_["kind"], break_["impact"]) == ("missing_in_ledger", "player_owed")
    assert own.returncode == 1
    assert again["breaks"] == []
    assert verified
    assert history["state"] == "closed"
    assert [
        (adjustment["id"], adjustment["state"], adjustment["amount"])
        for adjustment in history["adjustments"]
    ] == [(proposal, "posted", "9.00")]
    assert [note["kind"] for note in history["notes"]] == ["file"]
    assert_the_trail_is_complete(history["trail"], again["run_id"])


def assert_the_trail_is_complete(trail: list[dict[str, Any]], run: str) -> None:
    """Who did what, in order, with the state before and after; and what closed it."""
    assert [(entry["by"], entry["action"]) for entry in trail] == [
        ("reconcile", "break.opened"),
        ("erin", "break.evidence_attached"),
        ("erin", "break.assigned"),
        ("maria", "break.proposed"),
        ("jonas", "break.approved"),
        ("jonas", "break.posted"),
        ("reconcile", "break.closed"),
    ]
    steps = [
        (entry["detail"]["before"]["state"], entry["detail"]["after"]["state"])
        for entry in trail[2:-1]
    ]
    assert steps == [
        ("open", "assigned"),
        ("assigned", "adjustment_proposed"),
        ("adjustment_proposed", "approved"),
        ("approved", "posted"),
    ]
    assert trail[3]["detail"]["why"] == WHY[1]
    assert trail[-1]["detail"]["run"] == run


def test_a_word_that_is_no_text_exits_2_and_is_named(tieout: CommandLine) -> None:
    done = tieout.run("breaks", "show", "latin-\udcff1")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "'latin-\\udcff1': text in UTF-8 is expected\n"
