"""Records of a round come back as they left, wherever they are, and only while they hold."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from feeds.records import store_statement
from feeds.statements.archive import STATEMENT, archive_file
from feeds.statements.restatement import Replacement, replace_files
from feeds.withdrawals import WithdrawalCause
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import Archivist
from tests.harness.books.archives.archived_history import (
    LATER,
    LISTED,
    released_history,
    rows_of,
)
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper
from tests.harness.tampering.sealed_day import MORNING
from vocabulary.ids import match_key


@pytest.fixture(scope="module")
def released(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """Books with a history whose bytes and entries left; tests change copies only."""
    folder = tmp_path_factory.mktemp("recalled")
    with released_history(postgres, "month_recalled", folder) as archivist:
        yield archivist


@pytest.fixture
def archivist(
    postgres: PostgresServer, released: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the books."""
    assert released.folder.exists()
    postgres.execute("CREATE DATABASE recalled_copy TEMPLATE month_recalled")
    yield Archivist(tmp_path, postgres.url("recalled_copy"))
    postgres.execute("DROP DATABASE recalled_copy WITH (FORCE)")


@pytest.fixture
def engine(archivist: Archivist) -> Iterator[Engine]:
    opened = open_engine(archivist.database)
    yield opened
    opened.dispose()


def test_records_come_back_that_left_before_the_operations_of_their_round(
    archivist: Archivist,
) -> None:
    before = rows_of(archivist)
    archivist.let_rows_go()
    # As after a callback of July for a round that the provider had reported in June.
    tamper(
        archivist.database,
        "INSERT INTO archived_keys (first_hash, hashes, days)"
        f" VALUES ({match_key(SLUG, 'r4x')}, ARRAY[{match_key(SLUG, 'r4x')}], ARRAY[18460])",
    )

    recall = ("archive", "recall", "--provider", SLUG, "--round", "r4x", "--records")
    assert "2 records of the round r4x" in archivist.run(*recall, "--by", "maria")
    assert {row for row in before["feed_records"] if b'"t4"' in row} == (
        rows_of(archivist)["feed_records"]
    )


def test_a_record_that_was_withdrawn_after_it_came_back_does_not_come_again(
    archivist: Archivist, engine: Engine
) -> None:
    archivist.let_rows_go()
    recall = ("archive", "recall", "--provider", SLUG, "--round", "r4x", "--records")
    assert "2 records" in archivist.run(*recall, "--by", "maria")
    with engine.begin() as connection:
        [restated] = connection.execute(text("SELECT file_id FROM feed_files")).scalars()
        file_id, _ = archive_file(connection, SLUG, "again.csv", BytesIO(b"x"), LATER)
        store_statement(connection, SLUG, LISTED[:1], source="again.csv", received_at=LATER)
        replacement = Replacement(
            by=WithdrawalCause(feed=STATEMENT, name="again.csv", file_id=file_id),
            others=[restated],
            span=(MORNING, MORNING),
            covers=None,
            whole=True,
        )
        assert replace_files(connection, SLUG, replacement, now=LATER).withdrawn == 1

    assert "1 record of the round r4x" in archivist.run(*recall, "--by", "maria")
    here = archivist.rows("SELECT occurrence, stake FROM feed_records")
    assert here == [(1, 10)]
