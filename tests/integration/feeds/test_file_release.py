"""Statement files of archived months leave with their records, and are read back whole."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg.errors import RestrictViolation
from sqlalchemy import Engine, text

from breaks.sources import SourceWord, sources_of_round
from feeds.archived.record_release import let_records_go
from feeds.records import store_statement
from feeds.statements.archive import PART_BYTES, archive_file, file_parts
from feeds.statements.file_details import PREVIEW_BYTES, archive_of_file, start_of_file
from feeds.statements.restatement import record_listing
from storage.archive.archives import get_archive
from storage.archive.files import ArchiveFolder
from storage.archive.rows import ArchiveUnreadable
from storage.archive.supplements import list_supplements
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.archives.archived_history import (
    FILE,
    LATER,
    record_of,
    released_history,
)
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper
from tests.harness.tampering.sealed_day import MORNING
from vocabulary.errors import Contradiction
from vocabulary.facts import HistoryRecord

AGAIN = ("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
#: Nothing of it was read: three parts, of which two have the same bytes, and a shorter one.
LARGE = b"\0" * (2 * PART_BYTES) + Random(7).randbytes(PART_BYTES // 2)
PARTS = "SELECT file_id, part, encode(bytes, 'hex') FROM feed_file_parts ORDER BY 1, 2"
WITH_PARTS = "SELECT DISTINCT file_id FROM feed_file_parts ORDER BY file_id"
FILES = "SELECT f::text FROM feed_files f ORDER BY file_id"
WITHDRAWN = """
INSERT INTO feed_withdrawals (provider, feed, record_id, occurrence, event, round_id, match_key,
                              handle, currency, stake, payout, rolled_back, created_at,
                              updated_at, source, received_at, changed_by, changed_no,
                              changed_at)
SELECT provider, 'statement', record_id, occurrence, 'withdrawn', round_id, match_key, handle,
       currency, stake, payout, rolled_back, created_at, updated_at, source, received_at,
       'again.csv', nextval('feed_order'), received_at
  FROM feed_records WHERE record_id = 't5'
"""


@pytest.fixture(scope="module")
def released(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """Books with a history whose bytes and entries left; tests change copies only."""
    folder = tmp_path_factory.mktemp("files")
    with released_history(postgres, "month_files", folder) as archivist:
        yield archivist


@pytest.fixture
def archivist(
    postgres: PostgresServer, released: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the books."""
    assert released.folder.exists()
    postgres.execute("CREATE DATABASE files_copy TEMPLATE month_files")
    yield Archivist(tmp_path, postgres.url("files_copy"))
    postgres.execute("DROP DATABASE files_copy WITH (FORCE)")


@pytest.fixture
def engine(archivist: Archivist) -> Iterator[Engine]:
    opened = open_engine(archivist.database)
    yield opened
    opened.dispose()


def add_file(
    engine: Engine,
    name: str,
    content: bytes,
    *records: HistoryRecord,
    at: datetime = MORNING,
) -> int:
    """Keep a file, and store the records that it lists."""
    with engine.begin() as connection:
        file_id, _ = archive_file(connection, SLUG, name, BytesIO(content), at)
        if records:
            store_statement(connection, SLUG, records, source=name, received_at=at)
            record_listing(connection, file_id)
    return file_id


def bytes_of(engine: Engine, file_id: int) -> bytes:
    with engine.connect() as connection:
        return b"".join(file_parts(connection, file_id))


def lines_of_round(engine: Engine, round_id: str) -> list[SourceWord]:
    """What statement files say about a round."""
    words = sources_of_round(engine, SLUG, round_id, {})
    return [word for word in words if word.source == "statement line"]


def june_file(engine: Engine) -> int:
    with engine.connect() as connection:
        number: int = connection.execute(
            text("SELECT file_id FROM feed_files WHERE name = :name"), {"name": FILE}
        ).scalar_one()
    return number


def damage_supplement(engine: Engine) -> None:
    """Change a byte in the middle of the file that has the parts."""
    with engine.connect() as connection:
        *_, supplement = list_supplements(connection, ARCHIVE)
    folder = ArchiveFolder(supplement.location, supplement.folder)
    content = bytearray(folder.read("feed_file_parts.parquet"))
    content[len(content) // 2] ^= 0xFF
    folder.write("feed_file_parts.parquet", bytes(content))


def test_files_whose_records_left_leave_and_are_read_back_byte_for_byte(
    archivist: Archivist, engine: Engine
) -> None:
    contents = {
        june_file(engine): b"t4\nt4\n",
        add_file(engine, "large.bin", LARGE): LARGE,
        add_file(engine, "empty.csv", b""): b"",
    }
    rows = archivist.rows(FILES)

    assert "the bytes of 2 statement files left" in archivist.let_rows_go()

    assert archivist.rows(PARTS) == []
    assert archivist.rows(FILES) == rows
    assert {file_id: bytes_of(engine, file_id) for file_id in contents} == contents
    with engine.connect() as connection:
        [supplement] = list_supplements(connection, ARCHIVE)
        for file_id, content in contents.items():
            assert start_of_file(connection, file_id) == content[:PREVIEW_BYTES]
            place = supplement.folder if content else None
            assert archive_of_file(connection, file_id) == place
    copy = archivist.folder / "copy"
    large = next(file_id for file_id, content in contents.items() if content == LARGE)
    archivist.run("feed", "file", str(large), str(copy))
    assert copy.read_bytes() == LARGE
    assert archivist.run("archive", "check").startswith("ok")
    assert "the bytes of 0 statement files left" in archivist.run(*AGAIN)


def test_a_file_that_left_is_recognized_when_it_comes_again(
    archivist: Archivist, engine: Engine
) -> None:
    large = add_file(engine, "large.bin", LARGE)
    archivist.let_rows_go()

    assert add_file(engine, "renamed.bin", LARGE, at=LATER) == large
    assert archivist.rows(WITH_PARTS) == []
    assert bytes_of(engine, large) == LARGE


def test_files_that_came_later_or_that_somebody_still_decides_about_stay(
    archivist: Archivist, engine: Engine
) -> None:
    june = june_file(engine)
    questioned = add_file(engine, "questioned.csv", b"what is this")
    later = add_file(engine, "later.csv", b"of autumn", at=LATER)
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity,"
            b" record_id, detail, first_seen, last_seen)"
            b" SELECT 'f' || n, 'lottery', 'statement',"
            b" CASE n WHEN 1 THEN 'other' ELSE encode(digest, 'hex') END, 'unparsable_record',"
            b" 'error', CASE n WHEN 1 THEN 't4' END, 'x', now(), now()"
            b" FROM feed_files, generate_series(1, 2) AS n WHERE name = 'questioned.csv'"
        )
    assert "the bytes of 0 statement files left" in archivist.let_rows_go()
    assert archivist.rows(WITH_PARTS) == [(june,), (questioned,), (later,)]

    tamper(archivist.database, "UPDATE feed_findings SET resolved_at = now()")
    assert "the bytes of 2 statement files left" in archivist.run(*AGAIN)
    assert archivist.rows(WITH_PARTS) == [(later,)]
    assert bytes_of(engine, questioned) == b"what is this"


def test_a_withdrawn_record_stays_and_its_file_leaves_and_still_has_its_line(
    archivist: Archivist, engine: Engine
) -> None:
    record = record_of("t5", "r5x", 10)
    add_file(engine, "withdrawn.csv", b"head\nt4\n" + record.raw + b"\n", record)
    tamper(archivist.database, WITHDRAWN)
    tamper(archivist.database, "DELETE FROM feed_records WHERE record_id = 't5'")
    before = lines_of_round(engine, "r5x")

    assert "the bytes of 2 statement files left" in archivist.let_rows_go()

    assert archivist.rows("SELECT record_id FROM feed_file_records") == [("t5",)]
    assert lines_of_round(engine, "r5x") == before
    assert [(word.received, word.line) for word in before] == [(record.raw, 3)]


def test_an_interrupted_release_of_files_is_completed_by_repeating_it(
    archivist: Archivist, engine: Engine
) -> None:
    large = add_file(engine, "large.bin", LARGE)
    june = june_file(engine)
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"ALTER FUNCTION let_go_of_file(bigint, text, integer, timestamptz) RENAME TO away"
        )
    with pytest.raises(AssertionError, match="let_go_of_file"):
        archivist.let_rows_go()
    assert archivist.rows(WITH_PARTS) == [(june,), (large,)]
    assert bytes_of(engine, large) == LARGE
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"ALTER FUNCTION away(bigint, text, integer, timestamptz) RENAME TO let_go_of_file"
        )
    with engine.connect() as session:
        archive = get_archive(session, ARCHIVE)

    def stop(_count: int) -> None:
        raise InterruptedError("stopped")

    with pytest.raises(InterruptedError, match="stopped"):
        let_records_go(engine, archive, by="jonas", progress=stop)
    assert archivist.rows(WITH_PARTS) == [(large,)]
    assert bytes_of(engine, june) == b"t4\nt4\n"

    assert "the bytes of 1 statement file left" in archivist.run(*AGAIN)
    assert archivist.rows(WITH_PARTS) == []
    assert bytes_of(engine, june) == b"t4\nt4\n"
    assert bytes_of(engine, large) == LARGE


def test_a_file_whose_bytes_are_not_those_of_the_supplement_stays_and_is_named(
    archivist: Archivist, engine: Engine
) -> None:
    june = june_file(engine)
    changing = (
        "CREATE FUNCTION change_it() RETURNS trigger LANGUAGE plpgsql"
        " SET session_replication_role = replica AS $$ BEGIN"
        " UPDATE feed_file_parts SET bytes = 'other'; RETURN NULL; END $$;"
        " CREATE TRIGGER change_it AFTER INSERT ON archive_supplements EXECUTE FUNCTION"
        " change_it()"
    )
    with psycopg.connect(archivist.database) as connection:
        connection.execute(changing.encode())
    assert f"file {june} stays" in archivist.let_rows_go(code=1)
    assert archivist.rows(WITH_PARTS) == [(june,)]
    assert archivist.rows("SELECT file_id FROM archived_files") == []


def test_parts_leave_only_through_their_guards(archivist: Archivist, engine: Engine) -> None:
    add_file(engine, "later.csv", b"of autumn", at=LATER)
    release = "SET tieout.letting_go = 'yes'; "
    guarded = (
        "DELETE FROM feed_file_parts",
        f"{release} DELETE FROM feed_file_parts",
        f"{release} UPDATE feed_file_parts SET part = 9",
        "TRUNCATE feed_file_parts",
    )
    for statement in guarded:
        refused(archivist, statement)
    archivist.let_rows_go()
    for statement in (*guarded, "DELETE FROM archived_files", "TRUNCATE archived_files"):
        refused(archivist, statement)
    # Even where a supplement has the row, a file leaves whole, and only from before the cut.
    staged = (
        "INSERT INTO archived_row_digests SELECT archived_row_digest('feed_file_parts',"
        " row_to_json(p)) FROM feed_file_parts p; "
    )
    placed = (
        "INSERT INTO archived_files (file_id, archive_id, number)"
        " SELECT DISTINCT file_id, archive_id, number"
        " FROM feed_file_parts, archive_supplements; "
    )
    refused(archivist, f"{staged} {release} DELETE FROM feed_file_parts")
    refused(archivist, f"{staged} {placed} {release} DELETE FROM feed_file_parts")


def refused(archivist: Archivist, statement: str) -> None:
    with (
        psycopg.connect(archivist.database) as connection,
        pytest.raises(RestrictViolation, match="append-only"),
    ):
        connection.execute(statement.encode())


def test_a_damaged_archive_gives_no_wrong_bytes_and_is_named(
    archivist: Archivist, engine: Engine
) -> None:
    large = add_file(engine, "large.bin", LARGE)
    archivist.let_rows_go()
    damage_supplement(engine)
    copy = archivist.folder / "copy"

    with pytest.raises((ArchiveUnreadable, Contradiction), match=f"{ARCHIVE}/supplement-"):
        bytes_of(engine, large)
    assert ARCHIVE in archivist.run("feed", "file", str(large), str(copy), code=1)
    assert not copy.exists()
    assert "its bytes have changed" in archivist.run("archive", "check", code=1)
