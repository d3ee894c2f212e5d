"""Connections of an engine: what a server's own settings must not change, nor errors show."""

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError

from storage.engine import open_engine

#: Two instants of Berlin, a day apart, between which its clocks are put forward.
BEFORE = datetime(2026, 3, 28, 12, tzinfo=UTC)
AFTER = BEFORE + timedelta(days=1)


@pytest.fixture
def engine_of_berlin(database: str) -> Iterator[Engine]:
    """Connections to a server whose sessions count in a zone that changes its clocks."""
    engine = open_engine(database, pool_size=1)
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'"))
    engine.dispose()
    yield engine
    engine.dispose()


def test_a_day_has_24_hours_whatever_the_zone_of_the_server(engine_of_berlin: Engine) -> None:
    query = text("SELECT CAST(:before AS timestamptz) + CAST(:day AS interval)")
    with engine_of_berlin.connect() as connection:
        params = {"before": BEFORE, "day": timedelta(hours=24)}
        assert connection.execute(query, params).scalar_one() == AFTER


def test_instants_are_read_in_utc_whatever_the_zone_of_the_server(
    engine_of_berlin: Engine,
) -> None:
    query = text("SELECT CAST(:before AS timestamptz)")
    with engine_of_berlin.connect() as connection:
        instant = connection.execute(query, {"before": BEFORE}).scalar_one()
    # Python adds a timedelta to what the clocks of the zone show.
    assert instant + timedelta(hours=24) == AFTER
    assert f"{instant:%H:%M}" == "12:00"


def test_a_transaction_that_is_rolled_back_leaves_the_zone(engine_of_berlin: Engine) -> None:
    for _ in range(2):
        with engine_of_berlin.connect() as connection:
            assert connection.execute(text("SHOW TimeZone")).scalar_one() == "UTC"
            connection.rollback()


def test_errors_do_not_repeat_the_values_of_a_statement(database: str) -> None:
    engine = open_engine(database)
    query = text("SELECT 1 / :none, CAST(:value AS text)")
    params = {"none": 0, "value": "canary"}
    with (
        pytest.raises(DataError, match="division by zero") as failed,
        engine.connect() as connection,
    ):
        connection.execute(query, params)
    engine.dispose()

    assert "canary" not in str(failed.value)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO held (name, amount) VALUES ('canary', NULL)",
        "INSERT INTO held (name, amount) VALUES ('canary', 1), ('canary', 2)",
        "SELECT CAST('{\"canary' AS json)",
    ],
)
def test_errors_do_not_show_the_rows_that_the_database_refuses(
    database: str, statement: str
) -> None:
    engine = open_engine(database)
    refused: list[DBAPIError] = []
    with engine.connect() as connection:
        connection.execute(
            text("CREATE TEMP TABLE held (name text UNIQUE, amount int NOT NULL)")
        )
        try:
            connection.execute(text(statement.replace(":", "\\:")))
        except DBAPIError as error:
            refused.append(error)
    engine.dispose()

    shown = "".join(traceback.format_exception(refused[0])).replace(statement, "")
    assert "canary" not in shown
    assert "psycopg.errors" in shown
    assert refused[0].orig.diag.message_detail  # type: ignore[union-attr]
