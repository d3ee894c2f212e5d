"""The guards and the packed key rows of the two tables that a reconciliation run reads."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.harness.books.differences.two_sides import TwoBooks

_SECOND_ROUND = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT match_key, provider, round_id{}, wallet_id, currency, 1, 1, {}, 1, 0, true, first_at,
       last_at
  FROM rounds
"""
#: Each guard of either table, and a change that it refuses.
REFUSED = {
    "rounds_only_grow": "UPDATE rounds SET bets = 0",
    "rounds_counts_not_negative": _SECOND_ROUND.format(" || '-'", -1),
    "rounds_pkey": _SECOND_ROUND.format("", 1),
    "refuse_change": "DELETE FROM rounds",
    "feed_records_pkey": "UPDATE feed_records SET record_id = 'same'",
    "feed_records_occurrence_positive": "UPDATE feed_records SET occurrence = 0",
}
INDEXES = {
    "rounds": {"rounds_pkey", "rounds_by_time", "rounds_by_provider_time"},
    "feed_records": {
        "feed_records_pkey",
        "feed_records_by_round",
        "feed_records_continuing",
        "feed_records_by_time",
        "feed_records_by_provider_time",
        "feed_records_rolled_back",
        "feed_records_taken_back",
        "feed_records_with_balance",
        "feed_records_by_order",
        "feed_records_by_update",
    },
}

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A database with 50 rounds on both sides and one record that continues another's round."""
    books = TwoBooks()
    for number in range(50):
        books.both(f"r{number}", 100 + number, 7 * number)
    books.theirs("r3", 1, 2, record_id="again", continues=True)
    books.write(database)
    with psycopg.connect(database) as connection:
        yield connection


@pytest.mark.parametrize(("table", "rows"), [("rounds", 50), ("feed_records", 51)])
def test_every_row_has_a_key_row_of_one_length(
    connection: Connection, table: str, rows: int
) -> None:
    lengths = f"SELECT length(key_row), count(*) FROM {table} GROUP BY 1"
    assert connection.execute(lengths.encode()).fetchall() == [(41, rows)]


@pytest.mark.parametrize("table", INDEXES)
def test_every_index_is_there(connection: Connection, table: str) -> None:
    names = "SELECT indexname FROM pg_indexes WHERE tablename = %s"
    assert {row[0] for row in connection.execute(names, [table])} == INDEXES[table]


@pytest.mark.parametrize("guard", REFUSED)
def test_every_guard_refuses(connection: Connection, guard: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(REFUSED[guard].encode())
    assert guard in str(refused.value) + str(refused.value.diag.constraint_name)


def test_a_changed_record_is_kept_as_it_was(connection: Connection) -> None:
    connection.execute(
        "UPDATE feed_records SET stake = 5, stored_no = nextval('feed_order')"
        " WHERE record_id = 'r7'"
    )
    superseded = connection.execute("SELECT record_id, stake FROM feed_superseded").fetchall()
    assert superseded == [("r7", 107)]
