"""Large imports: how often stored rows are scanned, statistics, the guard of listed records."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from feeds.statements.reading.file_format import FileRules
from storage.engine import open_engine
from tests.integration.feeds.test_import import DAY, HEADER, import_text

LINES = 12_000
ANY_NAME = FileRules()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def lines(count: int = LINES) -> str:
    step = timedelta(hours=20) / count
    instants = (DAY.start + n * step for n in range(count))
    return HEADER + "".join(
        f"t-{n},bet,alice,USD,5.00,,{at.replace(tzinfo=None).isoformat()}Z\n"
        for n, at in enumerate(instants)
    )


def scans(connection: Connection, table: str) -> int:
    query = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = :table")
    return int(connection.execute(query, {"table": table}).scalar() or 0)


def test_the_first_import_scans_no_table_once_for_each_line(
    engine: Engine, tmp_path: Path
) -> None:
    # Statistics of empty tables: the planner believes that scanning them costs nothing.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE feed_records, feed_versions"))
    with engine.connect() as connection:
        result = import_text(connection, tmp_path / "a.csv", lines(), ANY_NAME)
        assert result.count.stored == LINES
        for table in ("feed_records", "feed_versions", "feed_withdrawals", "feed_findings"):
            assert scans(connection, table) < 20, table


def test_an_import_into_a_new_database_leaves_statistics(
    engine: Engine, tmp_path: Path
) -> None:
    counted = text("SELECT reltuples FROM pg_class WHERE relname = 'feed_records'")
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", lines(), ANY_NAME)
        assert connection.execute(counted).scalar_one() == LINES


def test_a_large_file_imported_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        import_text(connection, tmp_path / "a.csv", lines(), ANY_NAME)
        again = import_text(connection, tmp_path / "a.csv", lines(), ANY_NAME)
        assert (again.count.received, again.count.stored) == (LINES, 0)
        assert again.count.versions == 0


def test_no_record_can_be_listed_for_a_file_that_does_not_exist(engine: Engine) -> None:
    listing = text("INSERT INTO feed_file_records VALUES (12345, 't-1', 1)")
    with engine.connect() as connection, pytest.raises(IntegrityError, match="no such file"):
        connection.execute(listing)
