"""A line that a re-delivery left out while its rollback stayed, on real books."""

from collections.abc import Iterator

import psycopg
import pytest

from breaks.kinds import BreakKind
from storage.engine import open_engine
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.books.ledger import NOON, SLUG, accept, bet, open_wallets, rollback
from vocabulary.ids import match_key

_ROLLBACK_LINE = b"""
UPDATE feed_records SET rolled_back = true, record_id = 'b1-undo' WHERE record_id = 'b1'
"""
_VANISHED = b"""
INSERT INTO feed_withdrawals (provider, feed, record_id, occurrence, event, round_id, match_key,
                              handle, currency, stake, payout, rolled_back, created_at,
                              updated_at, source, received_at, changed_by, changed_no,
                              changed_at)
VALUES (%(provider)s, 'statement', 'b1', 1, %(event)s, 'b1', %(key)s, 'ann', 'EUR', 500, 0,
        false, %(at)s, %(at)s, 'monday.csv', %(at)s, 'tuesday.csv', 1, %(at)s)
"""


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    """A bet of 5.00 that was rolled back on both sides."""
    open_wallets(database, ("ann", 1000))
    accept(database, bet("b1", 500, round_id="b1"), rollback("x1", "b1", round_id="b1"))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.theirs("b1", 500, 0)
    with psycopg.connect(database) as connection:
        connection.execute(_ROLLBACK_LINE)
    books.balance()
    yield books
    engine.dispose()


def change(books: BreakBooks, event: str) -> None:
    """Withdraw the bet's line, or restore it."""
    params = {"provider": SLUG, "event": event, "key": match_key(SLUG, "b1"), "at": NOON}
    with psycopg.connect(books.url) as connection:
        connection.execute(_VANISHED, params)


def test_a_rollback_whose_bet_vanished_from_the_history_is_a_break(books: BreakBooks) -> None:
    before = books.run()
    change(books, "withdrawn")

    (break_,) = books.run().breaks

    assert before.breaks == ()
    assert (break_.kind, break_.difference) == (BreakKind.ORPHAN_ROLLBACK, 0)
    assert break_.explanation == (
        "lottery still reports the rollback b1-undo in round b1, but tuesday.csv left out b1,"
        " which it undoes; both sides come to nothing, so no money is owed."
    )
    assert break_.evidence["records"] == ["b1-undo"]
    assert break_.evidence["withdrawn"][0]["withdrawn_by"] == "tuesday.csv"


def test_a_restored_line_ends_the_break(books: BreakBooks) -> None:
    change(books, "withdrawn")
    books.run()
    change(books, "restored")

    assert books.run().breaks == ()
    assert books.only().state == "closed"
