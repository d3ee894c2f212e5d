"""Days of two providers at the command line of one installation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ops import cli
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.people import token_of
from vocabulary.errors import TieoutError

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[close]
inbox = "{folder}/inbox"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.statement]
daily = true
"""
DAY = "2026-03-01"
AGG = (DAY, "--provider", "agg")
STATEMENT = """\
transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at
t-1,bet,alice,USD,9.00,,2026-03-01T10:01:00Z
"""


@dataclass
class Office:
    """People with tokens at the command line of one installation."""

    folder: Path
    database: str
    books: TwoBooks

    def run(self, *words: str, by: str | None = None, code: int = 0) -> str:
        """The output of a command; of both streams if it fails."""
        arguments = ["--config", str(self.folder / "tieout.toml"), *words]
        env = {} if by is None else {"TIEOUT_TOKEN": token_of(by)}
        result = CliRunner(env=env).invoke(cli.app, arguments)
        if isinstance(result.exception, TieoutError):
            assert code == cli.USAGE, result.exception
            return str(result.exception)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output if code else result.stdout

    def json(self, *words: str, by: str | None = None, code: int = 0) -> Any:
        arguments = ["--config", str(self.folder / "tieout.toml"), *words, "--json"]
        env = {} if by is None else {"TIEOUT_TOKEN": token_of(by)}
        result = CliRunner(env=env).invoke(cli.app, arguments)
        assert result.exit_code == code, (words, result.output, result.exception)
        return json.loads(result.stdout)

    def day(self) -> Any:
        return self.json("day", "show", *AGG)

    def sign(self) -> None:
        """Close, prepare and sign the day."""
        self.run("day", "close", *AGG, by="maria")
        self.run("day", "prepare", *AGG, "--reason", "asked them", by="maria")
        self.run("day", "sign", *AGG, by="jonas")

    def leave(self, name: str) -> None:
        """Disable a person."""
        self.execute("UPDATE people SET disabled_at = now() WHERE name = %s", (name,))

    def come_back(self, name: str) -> None:
        """Enable a person again."""
        self.execute("UPDATE people SET disabled_at = NULL WHERE name = %s", (name,))

    def execute(self, sql: str, params: Sequence[object] = ()) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(sql.encode(), params)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture
def office(tmp_path: Path, database: str) -> Office:
    """A day with two equal rounds and one that they pay 0.30 more for."""
    (tmp_path / "tieout.toml").write_text(
        SETTINGS.format(database=database, folder=tmp_path), encoding="utf-8"
    )
    books = TwoBooks()
    books.both("r-1", 500, 0)
    books.both("r-2", 500, 200)
    books.ours("r-3", 100, 50)
    books.theirs("r-3", 100, 80)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO handles (provider, handle, player) VALUES ('agg', 'alice', 'alice')"
        )
    return Office(tmp_path, database, books)
