"""Imports files of the corpus with ``tieout feed import`` into a real database."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner

from ops.cli import app
from tests.harness.files.corpus import StatementFile
from tests.harness.files.lines import ROLLBACK, Line
from tests.harness.files.settings_text import settings_text
from tests.harness.files.verdicts import Outcome, Verdict, names_cause
from tests.simulation.engines import template

_RECORDS = """
SELECT record_id, round_id, handle, currency, stake, payout, rolled_back, created_at
  FROM feed_records WHERE provider = %s
"""
_FINDINGS = """
SELECT kind::text, detail FROM feed_findings WHERE provider = %s AND resolved_at IS NULL
"""
#: A record but for its amounts, and the amounts: of a rollback, only their sum.
Movement = tuple[str, str, str, str, str, int, int]


@dataclass(frozen=True, slots=True)
class Imports:
    """A database into which files are imported, each for a provider of its own."""

    database: str

    def verdict_on(self, file: StatementFile) -> Verdict:
        """Import one file by the command and compare what is stored then."""
        slug = f"book-{file.seed}"
        with tempfile.TemporaryDirectory(prefix="tieout-files-") as folder:
            code, output = _import(Path(folder), file, self.database, slug)
        with psycopg.connect(self.database) as connection:
            rows = connection.execute(_RECORDS, (slug,)).fetchall()
            findings = connection.execute(_FINDINGS, (slug,)).fetchall()
        records = Counter(map(_movement_of_row, rows))
        if code not in {0, 1}:
            return Verdict(Outcome.WRONG, f"exit {code}: {output}")
        return _compared(file, records, findings)


@contextlib.contextmanager
def imports() -> Iterator[Imports]:
    """A new database on a server of its own."""
    with template() as engines, engines.copy("files") as database:
        yield Imports(database)


def _import(folder: Path, file: StatementFile, database: str, slug: str) -> tuple[int, str]:
    config, path = folder / "tieout.toml", folder / file.name
    config.write_text(settings_text(file.settings, database=database, slug=slug))
    path.write_bytes(file.data)
    command = ["--config", str(config), "feed", "import", str(path), "--provider", slug]
    result = CliRunner().invoke(app, command)
    error = "" if isinstance(result.exception, SystemExit | None) else repr(result.exception)
    return (70 if error else result.exit_code), error or result.output


def _compared(
    file: StatementFile, records: Counter[Movement], findings: list[tuple[str, str]]
) -> Verdict:
    expected = Counter(map(_movement_of_line, file.lines))
    if extra := records - expected:
        return Verdict(Outcome.WRONG, f"{next(iter(extra))} is not in the file")
    if not file.causes or (file.may_pass and not findings):
        if findings or records != expected:
            return Verdict(Outcome.WRONG, f"{records.total()} records, findings {findings[:1]}")
        return Verdict(Outcome.READ)
    if not any(names_cause(file, finding) for finding in findings):
        return Verdict(Outcome.WRONG, f"says {findings[:2]}")
    if file.is_exact and records != expected:
        return Verdict(Outcome.WRONG, f"{records.total()} of {expected.total()} records")
    return Verdict(Outcome.REFUSED)


def _movement_of_line(line: Line) -> Movement:
    is_undone = line.action == ROLLBACK
    at = line.instant.isoformat()
    stake = line.minor if line.action in {ROLLBACK, "bet"} else 0
    round_id = line.reference if is_undone else line.id
    return line.id, round_id, line.player, line.currency, at, stake, line.minor - stake


def _movement_of_row(row: tuple[Any, ...]) -> Movement:
    """A stored record; a rollback of a part of its original is split between both sides."""
    record_id, round_id, handle, currency, stake, payout, is_undone, created = row
    if is_undone or record_id != round_id:
        stake, payout = abs(stake) + abs(payout), 0
    at = created.astimezone(UTC).isoformat()
    return record_id, round_id, handle, currency, at, stake, payout
