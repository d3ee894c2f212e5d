"""SIGKILL while a month is exported: the next export completes it and replaces nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.killed_commands import Stop, kill_at
from tests.harness.tampering.replay import tamper

EXPORT = ("archive", "export", "--before", "2020-07", "--by", "maria")
#: The files and their manifest are there, and the database does not know yet.
WRITTEN = Stop("LOCK archives IN SHARE MODE")
NOTED = "SELECT archive_id, location, manifest_hash, rows, bytes, exported_by FROM archives"
FORGOTTEN = "DELETE FROM archives; DELETE FROM audit WHERE action = 'archive.exported'"
ANOTHER_LINE = "UPDATE feed_versions SET raw = raw || '!' WHERE record_id = 'r5'"
ONE_MORE_LINE = """
INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source, received_at)
SELECT provider, 'r6', updated_at, content, raw, source, received_at FROM feed_versions LIMIT 1
"""


@pytest.fixture
def archivist(
    postgres: PostgresServer, exported: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at books whose month is sealed and signed, and not exported."""
    assert exported.folder.exists()
    postgres.execute("CREATE DATABASE killed_export TEMPLATE month_exported")
    archivist = Archivist(tmp_path, postgres.url("killed_export"))
    tamper(archivist.database, FORGOTTEN)
    archivist.run("archive", "list")  # writes the settings
    yield archivist
    postgres.execute("DROP DATABASE killed_export WITH (FORCE)")


def contents(archivist: Archivist) -> dict[str, bytes]:
    """Every file of the archive."""
    folder = archivist.folder / "data" / "archive" / ARCHIVE
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_export_that_was_killed_before_it_was_noted_is_noted_by_the_next_one(
    archivist: Archivist,
) -> None:
    kill_at(archivist, EXPORT, WRITTEN)
    written = contents(archivist)
    assert "manifest.json" in written
    assert archivist.rows(NOTED) == []

    [archive] = json.loads(archivist.export("--json"))

    assert contents(archivist) == written
    assert (archive["archive"], archive["state"]) == (ARCHIVE, "exported")
    assert len(archivist.rows(NOTED)) == 1
    assert json.loads(archivist.run("archive", "check", "--json"))["clean"]
    assert "entries" in archivist.let_go()


@pytest.mark.parametrize("change", [ANOTHER_LINE, ONE_MORE_LINE])
def test_an_archive_of_other_rows_is_neither_noted_nor_replaced(
    archivist: Archivist, change: str
) -> None:
    archivist.export()
    written = contents(archivist)
    tamper(archivist.database, f"{FORGOTTEN}; {change}")

    assert "is an archive of other rows" in archivist.export(code=1)

    assert contents(archivist) == written
    assert archivist.rows(NOTED) == []
    elsewhere = archivist.folder / "elsewhere"
    archivist.export("--to", str(elsewhere))
    assert (elsewhere / ARCHIVE / "manifest.json").exists()


def test_a_damaged_archive_of_a_killed_export_is_not_noted(archivist: Archivist) -> None:
    archivist.export()
    tamper(archivist.database, FORGOTTEN)
    file = archivist.folder / "data" / "archive" / ARCHIVE / "2020-06-04" / "operations.parquet"
    file.write_bytes(file.read_bytes()[:-10] + bytes(10))

    assert "2020-06-04/operations.parquet: its bytes have changed" in archivist.export(code=1)
    assert archivist.rows(NOTED) == []
