"""SIGKILL while records of the feeds leave for a supplement: repeating it completes it."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.archives.archived_history import (
    FEED_TABLES,
    archived_rows_of,
    counts,
    released_history,
    rows_of,
)
from tests.harness.books.killed_commands import Stop, kill_at
from tests.harness.books.ledger import SLUG

pytestmark = pytest.mark.timeout(900)  # each starts several processes: longer than others

APPROVE = ("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
#: What an uninterrupted run leaves.
LEFT = (
    """
SELECT hash, content, month
  FROM archived_records, unnest(hashes, contents, months) AS u (hash, content, month)
 ORDER BY 1, 2
""",
    "SELECT month, operations, rounds, let_go_at IS NULL FROM archived_row_months",
    """
SELECT (SELECT count(*) FROM leaving_records), (SELECT count(*) FROM leaving_listings),
       (SELECT count(*) FROM leaving_versions), (SELECT count(*) FROM archived_row_digests),
       (SELECT count(*) FROM leaving_files)
""",
    "SELECT file_id, archive_id FROM archived_files",
    "SELECT let_go_at IS NOT NULL FROM archive_releases WHERE what = 'rows'",
)
STORED = "LOCK archived_records IN SHARE MODE"
LOGGED = "LOCK provider_deliveries IN SHARE MODE"
STEPS = {
    "rows gone": Stop("LOCK leaving_records IN ACCESS EXCLUSIVE MODE"),
    "staged": Stop("LOCK archive_supplements IN ACCESS EXCLUSIVE MODE"),
    "some files written": Stop("LOCK provider_deliveries IN ACCESS EXCLUSIVE MODE"),
    "supplement written": Stop("LOCK archive_supplements IN SHARE MODE"),
    "supplement stored": Stop(STORED),
    "hashes packed": Stop(f"SELECT pg_advisory_xact_lock(hashtextextended('feed {SLUG}', 0))"),
    "listings deleted": Stop("LOCK feed_superseded IN SHARE MODE"),
    "some chunks gone": Stop(
        STORED,
        "SELECT FROM feed_records WHERE record_id = 't4' FOR UPDATE",
        between="UPDATE leaving_records SET chunk = right(record_id, 1)::integer;"
        "UPDATE leaving_listings SET chunk = right(record_id, 1)::integer",
    ),
    "records gone": Stop("LOCK deliveries IN SHARE MODE"),
    "deliveries gone": Stop(LOGGED),
    "logged callbacks gone": Stop(LOGGED, "LOCK archived_files IN SHARE MODE"),
    "file gone": Stop(LOGGED, "LOCK archived_row_digests IN ACCESS SHARE MODE"),
    "records finished": Stop(LOGGED, "LOCK archive_releases IN EXCLUSIVE MODE"),
}
#: Steps after which a supplement has rows that are still here.
IN_TWO = {
    "supplement stored",
    "hashes packed",
    "listings deleted",
    "some chunks gone",
    "records gone",
    "deliveries gone",
    "logged callbacks gone",
}


@pytest.fixture(scope="module")
def released(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """Books with a history whose bytes and entries left; tests change copies only."""
    folder = tmp_path_factory.mktemp("history")
    with released_history(postgres, "killed_history", folder) as archivist:
        words = ("--rows", "--reason", "old", "--by", "maria")
        archivist.run("archive", "request", ARCHIVE, *words)
        yield archivist


@contextmanager
def copied(
    postgres: PostgresServer, released: Archivist, name: str, folder: Path
) -> Iterator[Archivist]:
    """People at a copy of the books, with an archive of their own."""
    database = postgres.clone(name, "killed_history")
    archivist = Archivist(folder, database)
    place = folder / "archive"
    copytree(released.folder / "data" / "archive", place)
    archivist.run("archive", "move", ARCHIVE, "--to", str(place), "--by", "maria")
    yield archivist
    postgres.drop(name)


@pytest.fixture
def archivist(
    postgres: PostgresServer, released: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """Whose command is killed."""
    with copied(postgres, released, "killed_records", tmp_path) as archivist:
        yield archivist


@pytest.fixture
def engine(archivist: Archivist) -> Iterator[Engine]:
    opened = open_engine(archivist.database)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def left_uninterrupted(
    postgres: PostgresServer, released: Archivist, tmp_path_factory: pytest.TempPathFactory
) -> list[Any]:
    """What the command leaves if nobody kills it."""
    folder = tmp_path_factory.mktemp("unkilled")
    with copied(postgres, released, "unkilled_records", folder) as archivist:
        archivist.run(*APPROVE)
        return [archivist.rows(query) for query in LEFT]


Parts = dict[str, set[bytes]]


def by_record(rows: Parts) -> Parts:
    """The rows of the feeds' tables, by the record that they are of."""
    parts: Parts = defaultdict(set)
    for table in FEED_TABLES:
        for row in rows[table]:
            parts[msgspec.json.decode(row)[table]["record_id"]].add(row)
    return parts


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_release_of_records_is_completed_by_repeating_it(
    archivist: Archivist, engine: Engine, left_uninterrupted: list[Any], step: str
) -> None:
    before = rows_of(archivist)

    kill_at(archivist, APPROVE, STEPS[step])

    now, whole = rows_of(archivist), by_record(before)
    assert all(rows == whole[name] for name, rows in by_record(now).items()), "half a record"
    archived = archived_rows_of(engine)
    assert all(before[table] - now[table] <= archived[table] for table in before)
    engine.dispose()
    archivist.run(*APPROVE)
    assert counts(archivist) == [0] * len(before)
    assert archived_rows_of(engine) == before
    assert [archivist.rows(query) for query in LEFT] == left_uninterrupted
    supplements = archivist.rows("SELECT count(*) FROM archive_supplements")
    assert supplements == [(2 if step in IN_TWO else 1,)]
    assert archivist.run("archive", "check").startswith("ok")
