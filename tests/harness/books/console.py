"""A console over books with breaks, made once for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from breaks.lists.group_queries import grouped_breaks
from breaks.lists.queries import BreakFilter
from ops import cli
from ops.commands.daemons.console import open_console
from ops.context import Context
from ops.engines.servers import Endpoints
from ops.jobs.child import JobTask, run_job
from ops.jobs.registry import KINDS
from ops.settings.loader import load
from storage.engine import open_engine
from storage.jobs.running import fail_job, take_job
from storage.people import add_person
from tests.conftest import PostgresServer
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.books.ledger import open_wallets
from tests.harness.people import token_of
from tests.harness.servers.console import ConsoleSite, serving
from vocabulary.errors import TieoutError
from vocabulary.people import Role

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
[providers.terms]
currency = "EUR"
tiers = [{{ share = "10" }}]
[reporting]
currency = "USD"
rates = "rates.csv"
"""
#: The rate of one day only.
RATES = "day,currency,rate,source\n2026-06-04,EUR,1.25,ECB\n"
DAY = "2026-06-04"
#: Markup in every text that a provider can fill.
SCRIPT = "<script>alert(1)</script>"


class ConsoleBooks:
    """The books behind the console, changed as the rest of Tieout changes them."""

    def __init__(self, books: BreakBooks, folder: Path) -> None:
        self.books = books
        self.config = folder / "tieout.toml"
        self.config.write_text(SETTINGS.format(database=books.url), encoding="utf-8")
        (folder / "rates.csv").write_text(RATES, encoding="utf-8")
        self.context = Context(
            config=self.config, data_dir=folder, settings=load(self.config, {})
        )

    def run(self, *words: str, by: str, code: int = 0) -> str:
        """The output of a command that a person runs."""
        env = {"TIEOUT_TOKEN": token_of(by)}
        result = CliRunner(env=env).invoke(cli.app, ["--config", str(self.config), *words])
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output

    def break_of(self, round_id: str) -> str:
        """The id of the only break of a round."""
        with self.books.engine.connect() as connection:
            query = text("SELECT break_id FROM breaks WHERE round_id = :round_id")
            return str(connection.execute(query, {"round_id": round_id}).scalar_one())

    def state_of(self, break_id: str) -> str:
        with self.books.engine.connect() as connection:
            query = text("SELECT state FROM break_workflows WHERE break_id = :id")
            return str(connection.execute(query, {"id": break_id}).scalar_one())

    def group(self) -> str:
        """The id of the largest group of breaks."""
        return grouped_breaks(self.books.engine, BreakFilter(), {})[0].group_id

    def execute(self, statement: str) -> None:
        with self.books.engine.begin() as connection:
            connection.execute(text(statement))

    def do_jobs(self) -> None:
        """Do what was requested, as the scheduler does, in this process."""
        endpoints = Endpoints(database_url=self.books.url, broker_url="redis://127.0.0.1:1/0")
        for heavy in (False, True):
            while True:
                with self.books.engine.begin() as connection:
                    job = take_job(connection, "tests", heavy=heavy)
                if job is None:
                    break
                self._do(
                    JobTask(
                        job=job,
                        runner="tests",
                        settings=self.context.settings,
                        endpoints=endpoints,
                        data_dir=self.config.parent,
                        kind=KINDS[job.kind],
                    )
                )

    def _do(self, task: JobTask) -> None:
        try:
            run_job(task)
        except TieoutError as error:
            with self.books.engine.begin() as connection:
                fail_job(connection, task.job, "tests", str(error), interrupted=False)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.books.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture(scope="module")
def console_books(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleBooks]:
    """Twelve rounds with other payouts, one never booked, one of a player named as markup."""
    folder = tmp_path_factory.mktemp("console")
    name = f"console_{folder.name.replace('-', '_')}"
    postgres.clone(name)
    url = postgres.url(name)
    open_wallets(url, ("ann", 1_000_000))
    engine = open_engine(url)
    books = BreakBooks(url, engine)
    for number in range(12):
        books.ours(f"r{number}", 100, 0)
        books.theirs(f"r{number}", 100, 10 * (number + 1))
    books.theirs("lost", 70, 0)
    books.theirs(f"r{SCRIPT}", 20, 0)
    books.change_record(f"r{SCRIPT}", handle=SCRIPT, game=SCRIPT, source=SCRIPT)
    books.run()
    with engine.begin() as connection:
        for role in Role:
            add_person(connection, f"only {role}", roles={role}, by="ann")
    yield ConsoleBooks(books, folder)
    engine.dispose()
    postgres.drop(name)


@pytest.fixture(scope="module")
def site(console_books: ConsoleBooks) -> Iterator[ConsoleSite]:
    """The console of these books."""
    with serving(open_console(console_books.context)) as running:
        yield running
