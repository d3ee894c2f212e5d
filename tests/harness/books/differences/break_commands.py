"""``tieout breaks`` in this process, against books that differ."""

import json
from pathlib import Path
from typing import Any

from typer import Typer
from typer.testing import CliRunner

from ops.commands.breaks.group import app
from ops.context import Context
from ops.settings.loader import load
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.people import signed_in

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
timezone = "Europe/Vienna"
secrets = ["literal:secret"]
"""


class BreakCommands:
    """The commands of ``tieout breaks``, run in this process, and the books that they read."""

    def __init__(self, books: BreakBooks, folder: Path, *, more: str = "") -> None:
        self.books = books
        path = folder / "tieout.toml"
        path.write_text(SETTINGS.format(database=books.url) + more, encoding="utf-8")
        self.context = Context(config=path, data_dir=folder, settings=load(path, {}))

    def run(self, *words: str, code: int = 0, group: Typer = app) -> str:
        """The output of a command; of both streams if it fails."""
        runner = CliRunner(env=signed_in(words))
        result = runner.invoke(group, words, obj=self.context, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output if code else result.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """The output of a command with --json."""
        return json.loads(self.run(*words, "--json", code=code))

    def rounds(self, *words: str) -> list[str]:
        """The rounds of the breaks that a filter matches."""
        return sorted(entry["round_key"] for entry in self.json("list", *words))
