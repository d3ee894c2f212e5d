"""Records of archived months leave whole, can be read back, and are never new again."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.errors import RestrictViolation
from sqlalchemy import Engine, text

from feeds.archived.record_release import let_records_go
from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.records import FeedCount, store_records, store_statement
from feeds.statements.archive import STATEMENT, archive_file
from feeds.statements.restatement import Replacement, replace_files
from feeds.withdrawals import WithdrawalCause
from ledger.checks.check import WalletScope
from ledger.checks.run import provable_scope, verify
from reconcile.days.figures import DayFigures, stored_figures
from reconcile.days.sums import read_sides, sides_since
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.find.hits import SearchScope
from reports.find.search import find_anything
from storage.archive.archives import get_archive
from storage.archive.row_cut import RowsAreAway
from storage.archive.supplements import list_supplements
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.archives.archived_history import (
    LATER,
    LISTED,
    MINUTE,
    SECOND,
    archived_rows_of,
    counts,
    record_of,
    released_history,
    rows_of,
)
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper
from tests.harness.tampering.sealed_day import MORNING
from vocabulary.clock import SystemClock
from vocabulary.facts import HistoryRecord
from vocabulary.window import parse_window

NOTHING = [0, 0, 0, 0, 0, 0, 0]
SUPPLEMENT = f"""
INSERT INTO archive_supplements (archive_id, number, manifest_hash, rows, bytes)
VALUES ('{ARCHIVE}', 1, repeat('0', 64), 1, 1)
"""
JUNE = parse_window("2020-06-01", "2020-07-01", zone="UTC")
AGAIN = ("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")


@pytest.fixture(scope="module")
def released(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """Books with a history whose bytes and entries left; tests change copies only."""
    folder = tmp_path_factory.mktemp("history")
    with released_history(postgres, "month_history", folder) as archivist:
        yield archivist


@pytest.fixture
def archivist(
    postgres: PostgresServer, released: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the books."""
    assert released.folder.exists()
    postgres.execute("CREATE DATABASE history_copy TEMPLATE month_history")
    yield Archivist(tmp_path, postgres.url("history_copy"))
    postgres.execute("DROP DATABASE history_copy WITH (FORCE)")


@pytest.fixture
def engine(archivist: Archivist) -> Iterator[Engine]:
    opened = open_engine(archivist.database)
    yield opened
    opened.dispose()


def push(engine: Engine, *records: HistoryRecord) -> FeedCount:
    """Store records that arrive after everything was signed."""
    now = SystemClock().now() + timedelta(hours=1)
    with engine.begin() as connection:
        return store_records(connection, SLUG, records, source="push", received_at=now)


def signed(engine: Engine) -> tuple[DayFigures, Any]:
    """What was signed of June, and when."""
    query = "SELECT figures, at FROM day_steps WHERE provider = :p ORDER BY number DESC LIMIT 1"
    with engine.connect() as connection:
        figures, at = connection.execute(text(query), {"p": SLUG}).one()
    return stored_figures(figures, {}), at


def test_records_leave_and_every_row_can_be_read_back_byte_for_byte(
    archivist: Archivist, engine: Engine
) -> None:
    before = rows_of(archivist)
    assert [len(rows) for rows in before.values()] == [5, 6, 1, 2, 5, 3, 1]

    assert (
        "4 records, 3 deliveries and 5 callbacks of providers' logs left"
        in archivist.let_rows_go()
    )

    assert counts(archivist) == NOTHING
    assert archived_rows_of(engine) == before
    assert archivist.run("archive", "check").startswith("ok")
    assert not [
        result.name
        for result in verify(engine, scope=provable_scope(engine, WalletScope()))
        if result.wrong
    ]
    kept = "SELECT count(*), count(DISTINCT hash) FROM archived_records, unnest(hashes) AS hash"
    assert archivist.rows(kept) == [(6, 4)]
    assert "0 records, 0 deliveries and 0 callbacks" in archivist.run(*AGAIN)
    with engine.connect() as connection:
        assert len(list_supplements(connection)) == 1


def test_signed_days_keep_the_figures_of_records_that_left(
    archivist: Archivist, engine: Engine
) -> None:
    figures, at = signed(engine)
    with engine.connect() as connection:
        whole = read_sides(connection, SLUG, JUNE)
    archivist.let_rows_go()
    with engine.connect() as connection:
        left = sides_since(connection, SLUG, JUNE, figures, at)
        assert (left.ours, left.theirs) == (whole.ours, whole.theirs)
        assert read_sides(connection, SLUG, JUNE).theirs == {}


def test_a_late_version_of_a_record_that_left_is_kept_and_named_and_moves_nothing(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    figures, at = signed(engine)
    late = replace(record_of("t1", "r1", 300, 150), updated_at=MORNING + 2 * MINUTE)
    for record in (late, late):
        count = push(engine, record)
        assert count.stored == 0
    other = record_of("t9", "r2", 7)  # new, of a round that left
    assert push(engine, other) == FeedCount(received=1, versions=1, stored=0, archived=1)

    with engine.connect() as connection:
        first, second = open_findings(connection)
        assert {first.kind, second.kind} == {FindingKind.ARCHIVED_RECORD}
        assert first.record_id == "t1"
        assert "left for arc-2020-06" in first.detail
        assert first.evidence["after"]["payout"] == 150
        assert "t9 is of a round that left" in second.detail
        assert sides_since(connection, SLUG, JUNE, figures, at).theirs == figures.theirs
    assert counts(archivist) == [0, 2, 0, 0, 0, 0, 0]


def test_what_the_archive_has_already_is_nothing_new(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    count = push(engine, *SECOND, *LISTED)
    assert (count.versions, count.stored, count.archived) == (0, 0, 0)
    with engine.connect() as connection:
        assert open_findings(connection) == []
    assert counts(archivist) == NOTHING


def test_a_file_that_restates_archived_records_withdraws_none_and_says_so(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    with engine.begin() as connection:
        [restated] = connection.execute(text("SELECT file_id FROM feed_files")).scalars()
        file_id, _ = archive_file(connection, SLUG, "again.csv", BytesIO(b"x"), LATER)
        store_statement(connection, SLUG, [], source="again.csv", received_at=LATER)
        replacement = Replacement(
            by=WithdrawalCause(feed=STATEMENT, name="again.csv", file_id=file_id),
            others=[restated],
            span=(MORNING, MORNING),
            covers=None,
            whole=True,
        )
        result = replace_files(connection, SLUG, replacement, now=LATER)
    assert (result.withdrawn, [finding.kind for finding in result.findings]) == (
        0,
        [FindingKind.ARCHIVED_RECORD],
    )


def test_records_of_later_days_and_of_unknown_rounds_are_stored_as_always(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    figures, at = signed(engine)
    later = replace(record_of("t1", "new", 5), created_at=LATER, updated_at=LATER)
    assert push(engine, later, record_of("t10", "never ours", 9)).stored == 2
    with engine.connect() as connection:
        theirs = sides_since(connection, SLUG, JUNE, figures, at).theirs["EUR"]
    assert theirs.stake == figures.theirs["EUR"].stake + 9
    assert theirs.rounds == figures.theirs["EUR"].rounds + 1


def test_a_run_that_meets_a_recalled_round_asks_for_its_earlier_records(
    archivist: Archivist, engine: Engine
) -> None:
    before = rows_of(archivist)
    archivist.let_rows_go()
    archivist.run("archive", "recall", "--provider", SLUG, "--round", "r1", "--by", "maria")
    bonus = replace(record_of("t20", "r1", 0), created_at=LATER, updated_at=LATER)
    push(engine, bonus)
    window = parse_window("2020-09-01", "2020-09-02", zone="UTC")
    request = RunRequest(provider=SLUG, window=window, maturity=timedelta(minutes=15))
    with pytest.raises(RowsAreAway, match="--round r1 --records"):
        reconcile(archivist.database, request, clock=SystemClock())

    recall = ("archive", "recall", "--provider", SLUG, "--round", "r1", "--records")
    assert "1 record of the round r1" in archivist.run(*recall, "--by", "maria")
    after = rows_of(archivist)
    for table in ("feed_records", "feed_versions", "feed_superseded"):
        assert {row for row in before[table] if b'"t1"' in row} <= after[table]
    assert reconcile(archivist.database, request, clock=SystemClock()).breaks == ()
    figures, at = signed(engine)
    with engine.connect() as connection:
        assert sides_since(connection, SLUG, JUNE, figures, at).theirs == figures.theirs


def test_records_that_somebody_still_decides_about_stay(archivist: Archivist) -> None:
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity,"
            b" record_id, detail, first_seen, last_seen) VALUES ('f', 'lottery', 'push', 's',"
            b" 'unparsable_record', 'error', 't2', 'x', now(), now())"
        )
        connection.execute(
            b"INSERT INTO breaks (break_id, run_id, provider, kind, impact, currency, round_id,"
            b" match_key, difference, explanation, evidence, first_seen, last_seen)"
            b" SELECT 'brk', run_id, 'lottery', 'missing_in_ledger', 'none', 'EUR', 'r4x', 1,"
            b""" 1, 'x', '{"logged": ["hook-1/d1"]}', now(), now() FROM breaks LIMIT 1"""
        )
    assert "2 records, 3 deliveries and 4 callbacks" in archivist.let_rows_go()
    assert archivist.rows("SELECT DISTINCT record_id FROM feed_records ORDER BY 1") == [
        ("t2",),
        ("t4",),
    ]
    assert archivist.rows("SELECT delivery_id FROM provider_deliveries") == [("d1",)]
    tamper(archivist.database, "UPDATE feed_findings SET resolved_at = now()")
    tamper(archivist.database, "UPDATE breaks SET cleared_at = now() WHERE break_id = 'brk'")
    assert "2 records, 0 deliveries and 1 callback" in archivist.run(*AGAIN)
    assert counts(archivist) == NOTHING


@pytest.mark.parametrize("named_by", ["alias", "evidence"])
def test_records_of_an_open_break_stay_by_whatever_name_the_provider_reports(
    archivist: Archivist, engine: Engine, named_by: str
) -> None:
    before = rows_of(archivist)
    with psycopg.connect(archivist.database) as connection:
        connection.execute(
            b"INSERT INTO breaks (break_id, run_id, provider, kind, impact, currency, round_id,"
            b" match_key, difference, explanation, alias, evidence, first_seen, last_seen)"
            b" SELECT 'brk', run_id, 'lottery', 'id_spelling', 'none', 'EUR', 'R4X', 1,"
            b" 1, 'x', CASE %(by)s WHEN 'alias' THEN 'r4x' ELSE '' END,"
            b""" CASE %(by)s WHEN 'alias' THEN '{}' ELSE '{"records": ["t4"]}' END::jsonb,"""
            b" now(), now() FROM breaks LIMIT 1",
            {"by": named_by},
        )
    assert "3 records, 3 deliveries" in archivist.let_rows_go()

    left = "SELECT DISTINCT record_id FROM feed_records"
    assert archivist.rows(left) == [("t4",)]
    after = rows_of(archivist)
    for table in ("feed_versions", "feed_file_records", "feed_file_parts"):
        assert {row for row in before[table] if b'"t4"' in row or table[-5:] == "parts"} == (
            after[table]
        )
    kept = "SELECT count(DISTINCT hash) FROM archived_records, unnest(hashes) AS hash"
    assert archivist.rows(kept) == [(3,)]
    tamper(archivist.database, "UPDATE breaks SET cleared_at = now() WHERE break_id = 'brk'")
    assert "1 record, 0 deliveries" in archivist.run(*AGAIN)
    assert archived_rows_of(engine) == before


def test_a_round_that_does_not_follow_keeps_no_record_of_others(archivist: Archivist) -> None:
    tamper(archivist.database, "UPDATE rounds SET bets = bets + 1 WHERE round_id = 'r1'")

    refused = archivist.let_rows_go(code=1)

    assert "1 round kept (lottery r1): their operations add up to others" in refused
    assert archivist.rows("SELECT DISTINCT record_id FROM feed_records") == [("t1",)]
    tamper(archivist.database, "UPDATE rounds SET bets = bets - 1 WHERE round_id = 'r1'")
    assert "1 record, 2 deliveries" in archivist.run(*AGAIN)
    assert counts(archivist) == NOTHING


def test_repeating_the_approval_of_bytes_finds_nothing_wrong_once_rows_left(
    archivist: Archivist,
) -> None:
    archivist.let_rows_go()

    again = archivist.run("archive", "approve", ARCHIVE, "--by", "jonas")

    assert "the bytes of 0 rows left the database, and 0 entries" in again


def test_a_record_that_changes_while_it_is_archived_stays_and_is_named(
    archivist: Archivist,
) -> None:
    changing = (
        "CREATE FUNCTION change_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE feed_records SET game = 'other' WHERE record_id = 't2'; RETURN NULL; END $$;"
        " CREATE TRIGGER change_it AFTER INSERT ON archive_supplements EXECUTE FUNCTION"
        " change_it()"
    )
    with psycopg.connect(archivist.database) as connection:
        connection.execute(changing.encode())
    refused = archivist.let_rows_go(code=1)
    assert "1 record kept (lottery t2), which changed while they were archived" in refused
    assert counts(archivist)[:2] == [1, 1]
    with psycopg.connect(archivist.database) as connection:
        connection.execute("DROP TRIGGER change_it ON archive_supplements")
    assert "1 record, 0 deliveries and 0 callbacks" in archivist.run(*AGAIN)
    assert counts(archivist) == NOTHING


def test_a_record_that_left_is_found_in_its_archive(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    scope = SearchScope(zones={SLUG: "UTC"})
    hits = [hit for hit in find_anything(engine, "t1", scope).hits if hit.id == "t1"]
    assert [hit.summary for hit in hits] == [
        "record of lottery, in arc-2020-06: stake 3.00 EUR, payout 1.20 EUR"
    ]
    tamper(archivist.database, "UPDATE archive_supplements SET manifest_hash = repeat('0', 64)")
    [hit] = find_anything(engine, "t1", scope).hits
    assert "in arc-2020-06, which cannot be read" in hit.summary


def test_feed_rows_leave_only_through_their_guards(archivist: Archivist) -> None:
    for guarded in (
        "DELETE FROM feed_versions",
        "DELETE FROM feed_superseded",
        "DELETE FROM feed_file_records",
        "DELETE FROM provider_deliveries",
        "DELETE FROM deliveries",
        "SET tieout.letting_go = 'yes'; DELETE FROM deliveries",
        "SET tieout.letting_go = 'yes'; DELETE FROM feed_records",
        "SET tieout.letting_go = 'yes'; DELETE FROM feed_versions",
        "SET tieout.letting_go = 'yes'; DELETE FROM feed_file_records",
        "SET tieout.letting_go = 'yes'; DELETE FROM provider_deliveries",
        SUPPLEMENT,
    ):
        with (
            psycopg.connect(archivist.database) as connection,
            pytest.raises(RestrictViolation, match=r"append-only|rows of arc-2020-06 do not"),
        ):
            connection.execute(guarded.encode())
    archivist.let_rows_go()
    for guarded in ("DELETE FROM archived_records", "DELETE FROM archive_supplements"):
        with (
            psycopg.connect(archivist.database) as connection,
            pytest.raises(RestrictViolation, match="append-only"),
        ):
            connection.execute(guarded.encode())


def test_a_run_that_was_interrupted_is_completed_by_repeating_it(
    archivist: Archivist, engine: Engine
) -> None:
    def stop(_count: int) -> None:
        raise InterruptedError("stopped")

    before = rows_of(archivist)
    with psycopg.connect(archivist.database) as connection:
        connection.execute(b"ALTER FUNCTION let_go_of_records(bigint) RENAME TO away")
    with pytest.raises(AssertionError, match="let_go_of_records"):
        archivist.let_rows_go()
    assert [len(rows) for rows in rows_of(archivist).values()] == [5, 6, 1, 2, 5, 3, 1]
    with psycopg.connect(archivist.database) as connection:
        connection.execute(b"ALTER FUNCTION away(bigint) RENAME TO let_go_of_records")
    with engine.connect() as session:
        archive = get_archive(session, ARCHIVE)
    with pytest.raises(InterruptedError, match="stopped"):
        let_records_go(engine, archive, by="jonas", progress=stop)
    assert counts(archivist) == [0, 0, 0, 0, 5, 3, 1]
    assert "0 records, 3 deliveries and 5 callbacks" in archivist.run(*AGAIN)
    assert counts(archivist) == NOTHING
    assert archived_rows_of(engine) == before
