"""The migration that lays rounds and feed records out anew keeps every row and every guard."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command

from storage import migrate as migrations
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.two_sides import TwoBooks

BEFORE = "0015"
TABLES = ("rounds", "feed_records")
#: Each guard of either table, and a change that it refuses.
_AGAIN = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT match_key, provider, round_id{}, wallet_id, currency, 1, 1, {}, 1, 0, true, first_at,
       last_at
  FROM rounds
"""
REFUSED = {
    "rounds_only_grow": "UPDATE rounds SET bets = 0",
    "rounds_counts_not_negative": _AGAIN.format(" || '-'", -1),
    "rounds_pkey": _AGAIN.format("", 1),
    "refuse_change": "DELETE FROM rounds",
    "feed_records_pkey": "UPDATE feed_records SET record_id = 'same'",
    "feed_records_occurrence_positive": "UPDATE feed_records SET occurrence = 0",
}


@pytest.fixture
def old(postgres: PostgresServer) -> Iterator[str]:
    """A database of the schema before, with rows in it."""
    postgres.execute("CREATE DATABASE of_rows_before")
    url = postgres.url("of_rows_before")
    to(url, BEFORE)
    books = TwoBooks()
    for number in range(50):
        books.both(f"r{number}", 100 + number, 7 * number)
    books.theirs("r3", 1, 2, record_id="again", continues=True)
    books.write(url)
    yield url
    postgres.execute("DROP DATABASE of_rows_before WITH (FORCE)")


def to(url: str, revision: str) -> None:
    engine = open_engine(url)
    config = migrations._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def rows(
    connection: psycopg.Connection[tuple[object, ...]], table: str
) -> list[tuple[object, ...]]:
    """What a table holds, in whatever order, but for what follows from the rest."""
    told = f"SELECT to_jsonb(t) - 'key_row' FROM {table} t ORDER BY 1"
    return connection.execute(told.encode()).fetchall()


def indexes(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    told = "SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s) ORDER BY indexname"
    return connection.execute(told, [list(TABLES)]).fetchall()


def test_every_row_and_every_index_is_there_as_before(old: str) -> None:
    with psycopg.connect(old) as connection:
        before = {table: rows(connection, table) for table in TABLES}
        found = indexes(connection)
    to(old, "head")
    with psycopg.connect(old) as connection:
        assert {table: rows(connection, table) for table in TABLES} == before
        assert indexes(connection) == found
        lengths = "SELECT DISTINCT length(key_row) FROM {}"
        assert [
            connection.execute(lengths.format(table).encode()).fetchall() for table in TABLES
        ] == [[(41,)], [(41,)]]


@pytest.mark.parametrize("guard", REFUSED)
def test_every_guard_still_refuses(old: str, guard: str) -> None:
    to(old, "head")
    with psycopg.connect(old) as connection:
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(REFUSED[guard].encode())
        assert guard in str(refused.value) + str(refused.value.diag.constraint_name)


def test_a_record_that_is_told_otherwise_is_still_kept_as_it_was(old: str) -> None:
    to(old, "head")
    with psycopg.connect(old) as connection:
        connection.execute(
            "UPDATE feed_records SET stake = 5, stored_no = nextval('feed_order')"
            " WHERE record_id = 'r7'"
        )
        kept = connection.execute("SELECT record_id, stake FROM feed_superseded").fetchall()
    assert kept == [("r7", 107)]
