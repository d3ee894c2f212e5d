"""Archives: sealed and signed months as files, read back, and let go by two people."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg.errors import RestrictViolation

from ledger.checks.check import WalletScope
from ledger.checks.run import verify
from storage.archive.digests import digest_of_bytes
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.tampering.replay import tamper

LET_GO_OF_ANOTHER_MONTH = """
SET tieout.letting_go = 'yes';
UPDATE operations SET headers = '', body = digest_of_bytes(headers, body) WHERE batch_id = 7
"""
RELEASE = ("archive", "approve", ARCHIVE, "--by", "jonas")


@pytest.fixture
def archivist(
    postgres: PostgresServer, exported: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the database whose month is exported."""
    assert exported.folder.exists()
    postgres.execute("CREATE DATABASE month_copy TEMPLATE month_exported")
    yield Archivist(tmp_path, postgres.url("month_copy"))
    postgres.execute("DROP DATABASE month_copy WITH (FORCE)")


def test_a_month_is_exported_checked_and_listed(exported: Archivist) -> None:
    [archive] = json.loads(exported.run("archive", "list", "--json"))
    folder = exported.folder / "data" / "archive" / ARCHIVE
    stored = tuple(
        pq.read_table(folder / "2020-06-04" / f"{table}.parquet").num_rows
        for table in ("operations", "entries", "deliveries")
    )
    sealed = exported.rows("SELECT operations, entries, deliveries FROM seals LIMIT 1")[0]
    assert stored == sealed
    assert pq.read_table(folder / "feed_versions.parquet")["raw"][0].as_py() == b"line 1"
    assert (archive["archive"], archive["state"]) == (ARCHIVE, "exported")
    assert archive["rows"] > sum(stored)
    assert json.loads(exported.run("archive", "check", "--json"))["clean"]
    assert exported.export("--json").strip() == "[]", "it is archived already"


def test_a_month_that_is_not_sealed_is_not_exported(exported: Archivist) -> None:
    words = ("archive", "export", "--before", "2020-08", "--by", "maria")
    assert "2020-07 is not sealed" in exported.run(*words, code=1)
    assert "a month such as 2026-08" in exported.run(
        *("archive", "export", "--before", "July", "--by", "maria"), code=2
    )


def test_a_month_is_neither_exported_nor_let_go_unless_every_day_is_signed(
    archivist: Archivist,
) -> None:
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "maria")
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes,"
            b" two_people, close_no, figures, reason) SELECT provider, business_day, 3,"
            b" 'reopened', 'bob', '{}', true, 1, '{}', 'late' FROM day_closes"
        )
        connection.execute(b"UPDATE rounds SET first_at = '2020-06-10' WHERE round_id = 'r2'")
    assert "2020-06-01 of lottery is not signed" in archivist.run(*RELEASE, code=1)

    with psycopg.connect(archivist.database) as connection:
        connection.execute(b"SET session_replication_role = replica")
        connection.execute(b"DELETE FROM archive_releases")
        connection.execute(b"DELETE FROM archives")
    refused = archivist.export(code=1)
    assert "2020-06 is not signed: lottery is not signed from 2020-06-10" in refused
    assert not (archivist.folder / "data" / "archive").exists()


def test_damaged_files_are_named_and_nothing_is_let_go(
    exported: Archivist, archivist: Archivist
) -> None:
    folder = exported.folder / "data" / "archive" / ARCHIVE
    file, manifest = folder / "2020-06-04" / "operations.parquet", folder / "manifest.json"
    whole, content = file.read_bytes(), manifest.read_bytes()
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "maria")

    file.write_bytes(whole[:-10] + bytes(10))
    damaged = archivist.run("archive", "check", code=1)
    refused = archivist.run(*RELEASE, code=1)
    file.unlink()
    missing = archivist.run("archive", "check", code=1)
    file.write_bytes(whole)
    manifest.write_bytes(content.replace(b'"format": 1', b'"format": 2'))
    forged = archivist.run("archive", "check", ARCHIVE, code=1)
    manifest.write_bytes(content)

    assert "2020-06-04/operations.parquet: its bytes have changed" in damaged
    assert "arc-2020-06 is not whole, so nothing goes" in refused
    assert "is out of reach" in missing
    assert "it is not the manifest of this archive" in forged
    assert "ok" in archivist.run("archive", "check")
    assert archivist.rows("SELECT count(*) FROM archive_releases WHERE state = 'approved'") == [
        (0,)
    ]


def test_an_archive_moves_only_to_where_its_files_are(
    exported: Archivist, archivist: Archivist
) -> None:
    place = archivist.folder / "elsewhere"
    words = ("archive", "move", ARCHIVE, "--to", f"file://{place}", "--by", "maria")
    assert "out of reach" in archivist.run(*words, code=3)
    nowhere = ("archive", "move", ARCHIVE, "--to", "nothing://x", "--by", "maria")
    assert "a folder or an object store is expected" in archivist.run(*nowhere, code=2)
    place.mkdir()
    (exported.folder / "data" / "archive" / ARCHIVE).rename(place / ARCHIVE)
    try:
        archivist.run(*words)
        assert "ok" in archivist.run("archive", "check", ARCHIVE)
    finally:
        (place / ARCHIVE).rename(exported.folder / "data" / "archive" / ARCHIVE)


def test_bytes_leave_by_two_people_for_a_digest_and_entries_for_their_rule(
    archivist: Archivist,
) -> None:
    before = archivist.rows(
        "SELECT wallet_id, wallet_seq, headers, body, provider, kind::text, reply"
        " FROM operations WHERE batch_id < 7 ORDER BY 1, 2"
    )
    versions = archivist.rows("SELECT raw FROM feed_versions ORDER BY version_id")
    every_entry = "SELECT * FROM booked_entries ORDER BY wallet_id, wallet_seq, leg"
    entries = archivist.rows(every_entry)
    assert "nobody requested" in archivist.run(*RELEASE, code=1)
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "jonas")
    own = archivist.run(*RELEASE, code=1)
    assert "another person" in own
    archivist.run("archive", "reject", ARCHIVE, "--reason", "not yet", "--by", "maria")
    assert f"left the database, and {len(entries)} entries" in archivist.let_go()

    after = archivist.rows(
        "SELECT wallet_id, wallet_seq, headers, body, provider, kind::text, reply"
        " FROM operations WHERE batch_id < 7 ORDER BY 1, 2"
    )
    for old, new in zip(before, after, strict=True):
        stays = old[4] == "tieout"
        expected = (old[2], old[3]) if stays else ("", digest_of_bytes(old[2], old[3]))
        assert (new[2], new[3]) == expected
        assert old[:2] + old[4:] == new[:2] + new[4:]
    assert archivist.rows("SELECT count(*) FROM entries") == [(0,)]
    assert archivist.rows(every_entry) == entries
    assert archivist.rows("SELECT sum(entries), sum(amount) FROM archived_totals") == [
        (len(entries), 0)
    ]
    left = archivist.rows("SELECT raw FROM feed_versions ORDER BY version_id")
    assert left == [(digest_of_bytes("", row[0]),) for row in versions]
    assert archivist.rows("SELECT count(*) FROM deliveries WHERE length(body) <> 17") == [(0,)]
    [archive] = json.loads(archivist.run("archive", "list", "--json"))
    assert (archive["state"], archive["approved_by"]) == ("let go", "jonas")
    assert "the bytes of 0 rows" in archivist.run(*RELEASE), "a repeat finds nothing left to do"


def test_entries_that_the_rules_do_not_give_stay_with_those_of_their_batch(
    archivist: Archivist,
) -> None:
    tamper(archivist.database, "UPDATE entries SET account = 'suspense' WHERE amount = 300")
    tamper(archivist.database, "DELETE FROM entries WHERE leg = 6")
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "maria")

    refused = archivist.run(*RELEASE, code=1)

    assert "the entries of 1 batch kept (2)" in refused
    assert archivist.rows(
        "SELECT DISTINCT batch_id FROM entries JOIN operations USING (wallet_id, wallet_seq)"
    ) == [(2,)]
    assert archivist.rows("SELECT let_go_at FROM archive_releases") == [(None,)]
    for allowed in ("", "SET tieout.letting_go = 'yes'; "):
        with psycopg.connect(archivist.database) as connection:
            refused_again = pytest.raises(RestrictViolation, match="append-only: DELETE")
            with refused_again:
                connection.execute(f"{allowed}DELETE FROM entries".encode())


def test_an_interrupted_release_is_completed_by_repeating_it(
    archivist: Archivist, released: Archivist
) -> None:
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "maria")
    postpone = "UPDATE archive_releases SET state = 'approved', decided_by = 'jonas',"
    with psycopg.connect(archivist.database) as connection:
        connection.execute(f"{postpone} decided_at = now()".encode())
        connection.execute(b"SELECT let_go_of_entries('{2}')")
    archivist.run(*RELEASE)

    for table in ("archived_totals", "booked_entries"):
        listed = f"SELECT {table}::text FROM {table} ORDER BY 1"
        assert len(archivist.rows(listed)) == len(released.rows(listed)) > 0
    totals = (
        "SELECT account::text, provider, amount, entries FROM archived_totals ORDER BY 1, 2"
    )
    assert archivist.rows(totals) == released.rows(totals)


def test_what_waits_to_be_ingested_keeps_its_bytes(archivist: Archivist) -> None:
    tamper(
        archivist.database, "UPDATE deliveries SET verdict = 'recorded' WHERE delivery_id = 1"
    )
    archivist.let_go()
    kept = archivist.rows("SELECT delivery_id FROM deliveries WHERE length(body) <> 17")
    assert kept == [(1,)]


def test_a_row_that_is_not_as_archived_stays(archivist: Archivist) -> None:
    tamper(archivist.database, "UPDATE operations SET body = 'forged' WHERE op_key = 'b1'")
    archivist.run("archive", "request", ARCHIVE, "--reason", "old", "--by", "maria")
    refused = archivist.run(*RELEASE, code=1)
    assert "1 row of operations" in refused
    assert archivist.rows("SELECT body FROM operations WHERE op_key = 'b1'") == [(b"forged",)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE operations SET body = ''",
        "UPDATE operations SET headers = '', body = digest_of_bytes(headers, body)",
        "SET tieout.letting_go = 'yes'; UPDATE operations SET stake = 0",
        "SET tieout.letting_go = 'yes'; UPDATE operations SET body = '\\x00'",
        LET_GO_OF_ANOTHER_MONTH,
        "SET tieout.letting_go = 'yes'; DELETE FROM operations",
        "SET tieout.letting_go = 'yes'; UPDATE feed_versions SET raw = ''",
        "SET tieout.letting_go = 'yes'; UPDATE entries SET amount = 1",
        "SET tieout.letting_go = 'yes'; UPDATE operations SET swept = 5 WHERE swept IS NULL",
        "SET tieout.letting_go = 'yes'; UPDATE operations SET swept = NULL",
        "SET tieout.letting_go = 'yes'; UPDATE batches SET entries_at = now()",
        "SET tieout.letting_go = 'yes'; UPDATE batches SET entries_at = NULL",
        "SET tieout.letting_go = 'yes'; UPDATE archived_totals SET amount = 0",
        "UPDATE archived_totals SET entries = entries + 1",
        "DELETE FROM archived_totals",
        "UPDATE batches SET entries_at = now() WHERE batch_id = 1",
        "UPDATE deliveries SET body = ''",
        "DELETE FROM archives",
        "UPDATE archives SET manifest_hash = repeat('0', 64)",
        "DELETE FROM archive_releases",
        "UPDATE archive_releases SET reason = 'x'",
    ],
)
def test_even_the_owner_changes_nothing_else_about_a_released_month(
    released: Archivist, statement: str
) -> None:
    with psycopg.connect(released.database) as connection:
        refused = pytest.raises(RestrictViolation, match=r"append-only|as it was written|once")
        with refused:
            connection.execute(statement.encode())


def test_the_books_hold_as_before(exported: Archivist, released: Archivist) -> None:
    results = []
    partial = []
    for database in (exported.database, released.database):
        engine = open_engine(database)
        results.append(list(verify(engine)))
        partial.append(list(verify(engine, scope=WalletScope(wallets=(1, 1)))))
        engine.dispose()
    assert results[0] == results[1]
    assert partial[0] == partial[1]
    assert not any(result.wrong for result in partial[0])
    assert not any(result.wrong for result in results[1] if result.name != "nothing_is_parked")
