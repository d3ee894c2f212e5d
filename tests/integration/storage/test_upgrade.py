"""From every released schema to this one under load: nobody waits long, the plan is true."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

import storage.migrate
from storage.engine import open_engine
from storage.migrate import LockPatience, migrate
from storage.migration_plan import PlannedRevision, pending_revisions, plan_migration
from storage.schema_version import (
    FIRST_REVISION,
    RELEASED_REVISIONS,
    current_revision,
    newest_revision,
    require_schema,
)
from tests.conftest import PostgresServer
from tests.harness.books.delivered import bet, commit, providers
from tests.harness.people import register_people
from tests.harness.servers.receiver import LedgerDatabase
from tests.harness.tampering.replay import tamper
from vocabulary.errors import Unavailable

NAME = "books_of_the_baseline"
#: Longest wait of a callback for its commit, in seconds: receiver.commit_timeout.
CALLBACK_WAIT_S = 5.0
SCRIPTS = Path(storage.migrate.__file__).parent / "migrations"
#: Locks on tables for which readers or writers of rows wait, weakest first.
STRONG = {
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
_HELD = """
SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND l.mode = ANY (:modes)
   AND c.relnamespace = 'public'::regnamespace
"""
#: The schemas that a site may have when this version comes to it.
EARLIER = sorted({FIRST_REVISION, *RELEASED_REVISIONS.values()} - {newest_revision()})
_RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES ('run-1', 'p', now(), now(), now(), now(), '{}', '{}', true)
"""
_BREAKS = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen, began_at, alias)
SELECT %(name)s || '-' || n, 'run-1', 'p', 'payout_mismatch', 'player_owed', 'ann', 'EUR',
       'Round-' || n, n, n, 'They differ', now(), now(), now(), 'alias'
  FROM generate_series(1, 2) n
"""
_LISTED = (
    "break_id, words, games, alias, round_id, player, assignee, currency, impact, kind,"
    " provider, state, cleared_at, began_at, difference, opened_at"
)
Pair = tuple[PlannedRevision, set[tuple[str, str]]]
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r'"


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def schema_of(postgres: PostgresServer, revision: str) -> Iterator[str]:
    """A database as it was with a revision."""
    postgres.execute(f"CREATE DATABASE {NAME}")
    url = postgres.url(NAME)
    engine = open_engine(url)
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()
    yield url
    postgres.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def baseline(postgres: PostgresServer) -> Iterator[str]:
    """A database as the baseline made it."""
    with schema_of(postgres, FIRST_REVISION) as url:
        yield url


@pytest.fixture(params=EARLIER)
def earlier(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database as the baseline or an earlier release made it."""
    with schema_of(postgres, request.param) as url:
        yield url


class Traffic:
    """Writes batches and reads what runs read, one after another, until it is stopped."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest_s = 0.0
        self.rounds = 0
        self.errors: list[str] = []

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                start = time.monotonic()
                try:
                    connection.execute("INSERT INTO batches (operations) VALUES (1)")
                    for table in (b"rounds", b"feed_records", b"breaks", b"audit"):
                        connection.execute(b"SELECT count(*) FROM " + table)
                except psycopg.Error as error:
                    self.errors.append(str(error))
                self.longest_s = max(self.longest_s, time.monotonic() - start)
                self.rounds += 1


@contextmanager
def reader_of_breaks(url: str, *, for_s: float | None = None) -> Iterator[None]:
    """A transaction that reads breaks and stays open, as a report does; at most for a while."""
    is_reading, is_over = threading.Event(), threading.Event()

    def read() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT count(*) FROM breaks")
            is_reading.set()
            is_over.wait(for_s)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        assert is_reading.wait(60)
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_daemon_refuses_the_schema_of_an_earlier_release(earlier: str) -> None:
    with pytest.raises(Unavailable, match="`tieout migrate`"):
        require_schema(earlier)


def test_an_earlier_release_is_upgraded_under_load_while_a_report_reads(
    earlier: str, tmp_path: Path
) -> None:
    engine = open_engine(earlier)
    patience = LockPatience(wait_s=0.2, pause_s=0.1, pause_max_s=0.2, attempts=100)
    with Traffic(earlier) as traffic, reader_of_breaks(earlier, for_s=1.0):
        reached = migrate(engine, patience)
    register_people(engine)
    engine.dispose()

    assert reached == newest_revision()
    assert traffic.errors == []
    assert traffic.rounds > 0
    assert traffic.longest_s < CALLBACK_WAIT_S
    books = LedgerDatabase(earlier)
    assert books.rows("SELECT count(*) FROM batches") == [(traffic.rounds,)]
    tamper(earlier, "DELETE FROM batches")
    books.player("42")
    commit(earlier, providers(tmp_path)["sport"], [bet("42", "OP-1")])
    assert books.failed_checks() == []
    assert books.balance("42") == 9_900
    books.close()


def test_breaks_of_an_earlier_release_are_listed(earlier: str) -> None:
    """The triggers list what comes after the migration, the migration what was there."""
    with psycopg.connect(earlier) as connection:
        connection.execute(_RUN)
        connection.execute(_BREAKS, {"name": "before"})
        connection.execute("UPDATE break_workflows SET assignee = 'maria', state = 'assigned'")
    engine = open_engine(earlier)
    migrate(engine)
    engine.dispose()

    with psycopg.connect(earlier) as connection:
        connection.execute(_BREAKS, {"name": "after"})
        listed = connection.execute(f"SELECT {_LISTED} FROM listed_breaks b ORDER BY break_id")
        joined = connection.execute(
            f"SELECT {_LISTED} FROM breaks b JOIN break_workflows USING (break_id)"
            " ORDER BY break_id"
        )
        rows = listed.fetchall()
        assert rows == joined.fetchall()
    assert [row[0] for row in rows] == ["after-1", "after-2", "before-1", "before-2"]


def test_a_revision_without_its_locks_gives_up_and_the_next_attempt_goes_on(
    baseline: str,
) -> None:
    engine = open_engine(baseline)
    patience = LockPatience(wait_s=0.05, pause_s=0.01, attempts=2)
    with reader_of_breaks(baseline):
        with pytest.raises(Unavailable, match=r"revision 0102 did not get its locks"):
            migrate(engine, patience)
        assert current_revision(baseline) == "0101"

    assert migrate(engine) == newest_revision()
    engine.dispose()


def locks_taken(connection: Connection, revision: str) -> set[tuple[str, str]]:
    """Upgrade to a revision; returns its strong locks on tables that were there before."""
    before = set(connection.execute(text(_TABLES)).scalars())
    upgrade(connection, revision)
    held = connection.execute(text(_HELD), {"modes": list(STRONG)})
    return {(name, STRONG[mode]) for name, mode in held if name in before}


def planned_one_by_one(engine: Engine) -> Iterator[Pair]:
    for current, revision in pairwise([FIRST_REVISION, *pending_revisions(FIRST_REVISION)]):
        with engine.begin() as connection:
            (planned,) = [
                each
                for each in plan_migration(connection, current)
                if each.revision == revision
            ]
            yield planned, locks_taken(connection, revision)


def test_the_plan_names_every_table_that_a_revision_locks(baseline: str) -> None:
    engine = open_engine(baseline)
    order = list(STRONG.values())
    unforeseen = []
    for planned, taken in planned_one_by_one(engine):
        said = {(lock.table, lock.lock) for lock in planned.locks}
        for table, lock in taken:
            stronger = {(table, name) for name in order[order.index(lock) :]}
            if not said & stronger:
                unforeseen.append((planned.revision, table, lock))
    engine.dispose()

    assert unforeseen == []


def test_a_large_table_makes_a_revision_wait_and_an_empty_one_does_not(
    baseline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(baseline)
    fill = (
        "INSERT INTO audit (actor, action, subject, detail)"
        " SELECT 'ana', 'test', repeat('x', 900), '{}' FROM generate_series(1, 100)"
    )
    with engine.begin() as connection:
        empty = {each.revision: each for each in plan_migration(connection, FIRST_REVISION)}
        connection.execute(text(fill))
        monkeypatch.setattr("storage.migration_plan.BYTES_PER_S", 50_000)
        large = {each.revision: each for each in plan_migration(connection, FIRST_REVISION)}
        connection.rollback()
    engine.dispose()

    assert {each.online for each in empty.values()} == {True}
    assert large["0121"].online is False
    assert large["0121"].expected_s > 1.0
    assert [lock.lock for lock in large["0121"].locks] == ["SHARE"] * 4
    assert large["0101"].online is True
