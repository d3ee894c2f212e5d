"""Since when a break is settled, whoever closes it later."""

from breaks.actions import apply, closing, explaining, reopening
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.states import BreakState
from storage.transactions import engine_at
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import open_wallets
from vocabulary.currencies import ISO_ONLY


def test_who_closes_what_was_explained_leaves_since_when_it_is_settled(
    database: str,
) -> None:
    open_wallets(database, ("ann", 1000))
    with engine_at(database) as engine:
        books = BreakBooks(database, engine)
        books.ours("r1", 100, 50)
        books.theirs("r1", 100, 50)
        books.change_record("r1", handle="bob")
        books.run()
        name = books.only().break_id
        apply(books.engine, name, explaining(by="maria", why="a renamed handle", now=EVENING))
        close = closing(
            by="jonas", why="agreed", now=EVENING + HOUR, exponents=lambda _provider: ISO_ONLY
        )
        apply(books.engine, name, close)

        (closed,) = list_breaks(books.engine, BreakFilter(include_closed=True))
        assert (closed.state, closed.since) == (BreakState.CLOSED, EVENING)

        apply(
            books.engine, name, reopening(by="maria", why="not agreed", now=EVENING + 2 * HOUR)
        )
        assert books.only().since == EVENING + 2 * HOUR
