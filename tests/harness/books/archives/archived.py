"""A sealed and signed month of small books, and people who archive it at the command line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text
from typer.testing import CliRunner

from ledger.seal.seal import seal_day
from ops import cli
from reconcile.days.sums import figures_of
from storage.engine import open_engine
from tests.harness.books.ledger import NOON
from tests.harness.people import signed_in
from tests.harness.tampering.sealed_day import DAY, a_sealed_day, quiet
from vocabulary.errors import TieoutError
from vocabulary.window import Window

ARCHIVE = "arc-2020-06"
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
"""
_LAST_DAY = date(2020, 6, 30)
_CLOSE = """
INSERT INTO day_closes (provider, business_day, starts_at, ends_at, closed_at, close_no,
                        records, digest)
SELECT DISTINCT provider, DATE '2020-06-01', timestamptz '2020-06-01 00:00+00',
       timestamptz '2020-07-01 00:00+00', now(), 1, 0, '\\x00'::bytea
  FROM rounds
"""
_CLOSED = "SELECT provider, starts_at, ends_at FROM day_closes ORDER BY provider"
_STEPS = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, reason,
                       two_people, close_no, figures)
SELECT :provider, DATE '2020-06-01', :after + s.number, s.action, s.by_name, '{}', 'r', true, 1,
       CAST(:figures AS jsonb)
  FROM (VALUES (1, 'prepared', 'maria'), (2, 'signed', 'jonas')) AS s (number, action, by_name)
 ORDER BY s.number
"""


def seal_month(database: str) -> None:
    """Seal every day after the first up to the end of the month."""
    engine = open_engine(database)
    for offset in range(1, (_LAST_DAY - DAY).days + 1):
        seal_day(engine, DAY + timedelta(days=offset), progress=quiet)
    engine.dispose()


def sign_month(database: str) -> None:
    """Close the month of each provider as one long business day, signed by two people."""
    with psycopg.connect(database) as connection:
        connection.execute(_CLOSE.encode())
    sign_figures(database, after=0)


def sign_figures(database: str, *, after: int) -> None:
    """Sign the month as its rows are now, after so many steps; the last reopened it."""
    engine = open_engine(database)
    with engine.begin() as connection:
        for row in connection.execute(text(_CLOSED)).all():
            window = Window(start=row.starts_at, end=row.ends_at)
            figures = figures_of(connection, row.provider, window, {}).to_json()
            params = {"provider": row.provider, "after": after, "figures": json.dumps(figures)}
            connection.execute(text(_STEPS), params)
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Archivist:
    """``tieout`` on the books of one database, for people with tokens."""

    folder: Path
    database: str

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command; returns what it prints, or the message of an error."""
        settings = self.folder / "tieout.toml"
        if not settings.exists():
            settings.write_text(SETTINGS.format(database=self.database))
        arguments = ["--config", str(settings), "--data", str(self.folder / "data"), *words]
        result = CliRunner(env=dict(signed_in(words))).invoke(cli.app, arguments)
        if isinstance(result.exception, TieoutError):
            assert code, result.exception
            return str(result.exception)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output

    def export(self, *more: str, code: int = 0) -> str:
        words = ("archive", "export", "--before", "2020-07", *more, "--by", "maria")
        return self.run(*words, code=code)

    def let_go(self) -> str:
        """Request and approve, by two people."""
        self.run("archive", "request", ARCHIVE, "--reason", "two years old", "--by", "maria")
        return self.run("archive", "approve", ARCHIVE, "--by", "jonas")

    def let_rows_go(self, code: int = 0) -> str:
        """Request and approve that the rows leave, by two people."""
        words = ("--reason", "three years old", "--by", "maria")
        self.run("archive", "request", ARCHIVE, "--rows", *words)
        return self.run("archive", "approve", ARCHIVE, "--rows", "--by", "jonas", code=code)

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()


def an_archivable_month(database: str, folder: Path, *, at: datetime = NOON) -> Archivist:
    """Books whose June 2020 is sealed and signed, with a few feed versions received in it.

    Callbacks are received at an instant; rows leave only if it is in the month.
    """
    a_sealed_day(database, folder / "day.jsonl.gz", at=at)
    with psycopg.connect(database) as connection:
        connection.execute(
            b"INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source,"
            b" received_at) SELECT 'a', 'r' || n, '2020-06-04', substring(sha256(convert_to("
            b"'line ' || n, 'UTF8')) FOR 16), convert_to('line ' || n, 'UTF8'), 'push',"
            b" '2020-06-04 12:00+00' FROM generate_series(1, 5) AS n"
        )
    seal_month(database)
    sign_month(database)
    return Archivist(folder, database)
