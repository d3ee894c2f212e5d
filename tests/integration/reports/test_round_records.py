"""The records of a round count as a comparison counts them."""

import psycopg
import pytest

from console.pages.records.rounds import sums_of
from feeds.round_records import records_of_round, sums_of_records
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks


@pytest.mark.parametrize("handle", ["alice", "alice-2"])
def test_a_rolled_back_record_takes_back_those_of_its_player_and_of_no_other(
    database: str, handle: str
) -> None:
    books = TwoBooks()
    books.ours("r1", 0, 0)
    books.theirs("r1", 100, 30, record_id="bet")
    books.theirs("r1", 7, 0, record_id="of-bob", handle="bob", continues=True)
    books.theirs("r1", 0, 0, record_id="undo", handle=handle, rolled_back=True, continues=True)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute(b"INSERT INTO handles VALUES ('agg', 'alice-2', 'alice')")
    engine = open_engine(database)
    with engine.connect() as connection:
        records = records_of_round(connection, "agg", "r1")
        sums = sums_of_records(connection, "agg", "r1")
    engine.dispose()

    assert sums == {"USD": (7, 0)}
    assert [each.theirs for each in sums_of([], records)] == [(7, 0)]
    assert [(record.record_id, record.undone) for record in records] == [
        *(("bet", True), ("of-bob", False), ("undo", True))
    ]
