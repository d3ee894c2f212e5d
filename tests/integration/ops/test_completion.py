"""Shell completion, installed and asked in a real bash."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.engine import open_engine
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.books.ledger import open_wallets

BIN = Path(sys.executable).parent
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "lottery"
dialect = "sportsbook"
currency = "EUR"
secrets = ["literal:secret"]
[[providers]]
slug = "lotto-two"
dialect = "aggregator"
currency = "EUR"
secrets = ["literal:secret"]
"""


class Shell:
    """A bash of a person whose home is a folder of the test."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, script: str) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
        done = subprocess.run(
            ["bash", "--rcfile", str(self.home / ".bashrc"), "-i"],
            input=script,
            capture_output=True,
            text=True,
            cwd=self.home,
            env={
                **environment,
                "HOME": str(self.home),
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "PS1": "",
            },
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def complete(self, line: str) -> list[str]:
        """What TAB offers at the end of a line."""
        words = [word or "''" for word in line.split(" ")]
        script = (
            f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}\n"
            "$(complete -p tieout | sed 's/.*-F \\([^ ]*\\) .*/\\1/') tieout\n"
            "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
        )
        return self.run(script).split()


@pytest.fixture
def shell(database: str, tmp_path: Path) -> Shell:
    """A bash with completion installed, next to books with one break."""
    open_wallets(database, ("ann", 10_000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 250)
    books.run()
    engine.dispose()
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    shell = Shell(tmp_path)
    assert "bash completion installed" in shell.run("tieout --install-completion; true\n")
    return shell


def test_bash_completes_commands_options_providers_days_and_breaks(
    shell: Shell, database: str
) -> None:
    engine = open_engine(database)
    name = BreakBooks(database, engine).only().break_id
    engine.dispose()

    assert shell.complete("tieout re") == ["receiver", "reconcile", "report", "restore"]
    assert shell.complete("tieout day p") == ["prepare"]
    assert "--close-day" in shell.complete("tieout reconcile --")
    assert shell.complete("tieout reconcile --provider lott") == ["lottery", "lotto-two"]
    assert shell.complete("tieout day sign --provider lotto") == ["lotto-two"]
    assert shell.complete("tieout day show yes") == ["yesterday"]
    assert shell.complete("tieout breaks show br") == [name]


def test_completion_offers_nothing_where_nothing_answers(shell: Shell) -> None:
    settings = shell.home / "tieout.toml"
    settings.write_text(settings.read_text().replace("[database]", "[databse]"))
    assert shell.complete("tieout reconcile --provider l") == []
    settings.unlink()

    assert shell.complete("tieout breaks show br") == []
    assert not (shell.home / ".tieout" / "postgres").exists()


def test_zsh_is_offered_the_same_with_help(shell: Shell) -> None:
    script = (
        "export _TIEOUT_COMPLETE=complete_zsh\n"
        "_TYPER_COMPLETE_ARGS='tieout totals --provider l' tieout\n"
    )

    offered = shell.run(script)

    assert '"lottery":"sportsbook"' in offered
    assert '"lotto-two":"aggregator"' in offered
