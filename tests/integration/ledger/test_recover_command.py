"""``tieout ledger recover --all`` where little or nothing was restored."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ledger.restores.steps import restores_of_loss
from ops import cli
from ops.commands.ledger.recover import BEFORE, lost_window
from providers.sportsbook.feed import COLUMNS
from storage.engine import open_engine
from tests.harness.drill.restore_drill import SETTINGS
from tests.harness.people import signed_in
from tests.harness.providers.speaker import SECRET
from vocabulary.clock import SystemClock, iso


class Restored:
    """The books of a database, and commands on them."""

    def __init__(self, database: str, folder: Path) -> None:
        self.url, self._folder = database, folder
        text = SETTINGS.format(database=database, secret=SECRET.decode())
        (folder / "tieout.toml").write_text(text)

    def command(self, *words: str) -> Any:
        """The document that a command prints."""
        config = ("--config", str(self._folder / "tieout.toml"))
        data = ("--data", str(self._folder / "data"))
        runner = CliRunner(env=signed_in(words))
        result = runner.invoke(cli.app, [*config, *data, *words], catch_exceptions=False)
        assert result.exit_code == 0, (words, result.output)
        return json.loads(result.stdout) if "--json" in words else result.stdout

    def begin(self) -> None:
        self.command("restore", "begin", "--reason", "disk lost", "--by", "ann")

    def players(self, name: str = "ann") -> None:
        file = self._folder / f"players-{name}.csv"
        file.write_text(f"player,currency,balance\n{name},USD,100.00\n")
        self.command("players", "import", str(file))

    def history(self, at: datetime) -> None:
        """Take in the provider's record of one bet."""
        file = self._folder / f"history-{at:%Y%m%dT%H%M%S}.csv"
        with file.open("w", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(COLUMNS)
            rows.writerow([f"op-{at:%H%M%S}", "bet", "ann", "USD", "1.00", "", iso(at)])
        self.command("feed", "import", str(file), "--provider", "sportsbook")

    def recover(self, *words: str) -> Any:
        return self.command("ledger", "recover", "--all", *words, "--json")


@pytest.fixture
def restored(database: str, tmp_path: Path) -> Restored:
    return Restored(database, tmp_path)


def test_rounds_are_recovered_into_books_that_were_restored_to_nothing(
    restored: Restored,
) -> None:
    restored.begin()
    restored.players()
    restored.history(SystemClock().now() - timedelta(days=3))

    proposed = restored.recover("--maturity", "0s", "--by", "ann")
    recovered = restored.recover("--approve", "--by", "bob")

    assert len(proposed["proposed"]) == 1
    assert recovered["recovered"] == proposed["proposed"]


def test_a_restore_that_is_begun_again_still_looks_from_what_was_kept_at_first(
    restored: Restored,
) -> None:
    restored.players()
    with psycopg.connect(restored.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE batches SET committed_at = now() - interval '2 days'")
    restored.begin()
    restored.history(SystemClock().now() - timedelta(days=1))
    proposed = restored.recover("--maturity", "0s", "--by", "ann")
    restored.players("bob")  # a batch of now
    restored.begin()

    engine = open_engine(restored.url)
    first, last = restores_of_loss(engine)
    window = lost_window(engine, (first, last), "sportsbook")
    engine.dispose()
    recovered = restored.recover("--approve", "--by", "bob")

    assert first.restored_to is not None
    assert (window.start, window.end) == (first.restored_to - BEFORE, last.begun_at)
    assert recovered["recovered"] == proposed["proposed"] != []
