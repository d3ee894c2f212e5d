"""Statement files are kept before anything reads them, and no file raises an error."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.statements.archive import file_parts
from feeds.statements.importer import ImportRequest
from feeds.statements.keep import keep_and_import
from feeds.statements.reading.file_format import FileFormat, FileRules
from feeds.statements.reading.reader import StatementReader
from storage.engine import open_engine
from tests.harness.statement_mutants import FORMATS, mutants, rules_of
from tests.unit.feeds.statement_files import BET, HEADER, statement_reader
from vocabulary.errors import Refused

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def request(path: Path) -> ImportRequest:
    return ImportRequest(path=path, zone=ZoneInfo("UTC"), now=NOW)


def test_a_file_for_a_file_that_does_not_exist_is_refused_and_not_kept(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + BET)

    with pytest.raises(Refused, match="has the number 12345"):
        keep_and_import(engine, statement_reader(), replace(request(path), replaces=(12345,)))

    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feed_files")).scalar_one() == 0
        assert open_findings(connection) == []


class Interrupted(BaseException):
    """The process dies."""


class DyingReader(StatementReader):
    """A reader in whose middle the process dies."""

    def read(self, *_: object, **__: object) -> Iterator[object]:  # type: ignore[override]
        raise Interrupted("killed")


def test_a_process_that_dies_while_reading_leaves_the_file_and_a_finding(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + BET)
    sound = statement_reader()
    dying = DyingReader(sound.dialect, sound.provider, sound.rules)

    with pytest.raises(Interrupted, match="killed"):
        keep_and_import(engine, dying, request(path))

    with engine.begin() as connection:
        (finding,) = open_findings(connection)
        assert (finding.kind, finding.file) == (FindingKind.IMPORT_UNFINISHED, "day.csv")
        (file_id,) = connection.execute(text("SELECT file_id FROM feed_files")).scalars()
        assert b"".join(file_parts(connection, file_id)) == path.read_bytes()
    result = keep_and_import(engine, sound, request(path))
    assert (result.verdict, result.file_id) == ("imported", file_id)
    with engine.begin() as connection:
        assert open_findings(connection) == []


def test_a_pipe_is_kept_and_imported(engine: Engine, tmp_path: Path) -> None:
    pipe = tmp_path / "day.csv"
    os.mkfifo(pipe)
    if os.fork() == 0:
        pipe.write_text(HEADER + BET)
        os._exit(0)

    assert keep_and_import(engine, statement_reader(), request(pipe)).verdict == "imported"


def test_a_name_that_is_no_utf_8_is_escaped(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"day-\xfc.csv")
    path.write_text(HEADER + "t-1,torn\n")

    keep_and_import(engine, statement_reader(), request(path))

    with engine.begin() as connection:
        assert [finding.file for finding in open_findings(connection)] == ["day-\\udcfc.csv"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_mutant_is_kept_byte_by_byte(engine: Engine, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for _, data in mutants(name, 6):
        path.write_bytes(data)

        result = keep_and_import(engine, statement_reader(rules_of(name)), request(path))

        with engine.begin() as connection:
            assert b"".join(file_parts(connection, result.file_id)) == data
            findings = open_findings(connection)
        assert bool(result.findings) or result.verdict == "imported"
        assert not any(finding.kind is FindingKind.IMPORT_UNFINISHED for finding in findings)


def test_a_value_that_the_database_refuses_is_a_finding_of_the_file(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(HEADER + BET)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE feed_records ALTER record_id TYPE varchar(2)"))

    result = keep_and_import(
        engine, statement_reader(FileRules(format=FileFormat.CSV)), request(path)
    )

    assert result.verdict == "quarantined"
    with engine.begin() as connection:
        (finding,) = open_findings(connection)
        assert finding.detail.startswith("the database cannot store a value of this file")


def test_the_verdict_on_a_file_that_the_database_refuses_is_stored(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + BET)
    rules = FileRules(format=FileFormat.CSV)
    assert keep_and_import(engine, statement_reader(rules), request(path)).verdict == "imported"
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM feed_records"))
        connection.execute(text("ALTER TABLE feed_records ALTER record_id TYPE varchar(2)"))

    result = keep_and_import(engine, statement_reader(rules), request(path))

    with engine.connect() as connection:
        stored = connection.execute(text("SELECT verdict FROM feed_files")).scalar_one()
    assert (result.verdict, stored) == ("quarantined", "quarantined")


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_date_that_stands_for_none_is_a_finding_of_its_line(
    engine: Engine, tmp_path: Path, created_at: str
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + BET + f"t-9,bet,42,USD,1.00,,{created_at}\n")
    berlin = replace(request(path), zone=ZoneInfo("Europe/Berlin"))

    result = keep_and_import(engine, statement_reader(), berlin)

    assert (result.verdict, result.count.stored, result.refused) == ("partly", 1, 1)
    (finding,) = result.findings
    assert (finding.line, finding.detail) == (
        3,
        f'created_at: a year from 1900 to 9998 is expected; found "{created_at}"',
    )


@pytest.mark.parametrize(
    "name", ["daily_A7.csv", "00010101_.csv", "99991231_12345678901234567890.csv"]
)
def test_what_is_no_day_or_number_in_a_name_is_none(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    rules = FileRules(
        day=re.compile(r"(?P<day>\d{8})|daily"), number=re.compile(r"_(?P<number>\w+)?\.")
    )
    path = tmp_path / name
    path.write_text(HEADER + BET)
    berlin = replace(request(path), zone=ZoneInfo("Europe/Berlin"))

    result = keep_and_import(engine, statement_reader(rules), berlin)

    assert (result.verdict, str(result.day)) == ("imported", "2026-06-04")
