"""Since when a break is settled, whoever closes it later."""

from functools import partial

from breaks.actions import apply, closing, explaining, reopening
from breaks.corrections.proposals import approve, propose
from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Source
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.states import BreakState
from storage.transactions import engine_at
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import open_wallets
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY

close_by_hand = partial(closing, exponents=lambda _provider: ISO_ONLY)


def test_a_corrected_break_that_is_closed_by_hand_is_open_again_if_a_run_still_finds_it(
    database: str,
) -> None:
    open_wallets(database, ("ann", 1000))
    with engine_at(database) as engine:
        books = BreakBooks(database, engine)
        books.ours("r1", 100, 0)
        books.theirs("r1", 100, 50)
        books.run()
        name = books.only().break_id
        propose(
            engine,
            name,
            by="maria",
            reason="paid",
            now=EVENING,
            try_corrections=books.trials,
            named=Correction(amount=50, side=None),
            overruled=frozenset({Source.HISTORY}),
            exponents=ISO_ONLY,
        )
        approve(
            engine,
            name,
            by="jonas",
            clock=FrozenClock(EVENING + HOUR),
            try_corrections=books.trials,
            exponents=ISO_ONLY,
        )
        apply(engine, name, close_by_hand(by="maria", why="booked", now=EVENING + 2 * HOUR))
        by_hand = list_breaks(engine, BreakFilter(include_closed=True))[0].state
        books.run(at=EVENING)  # it began before the booking
        began_before = list_breaks(engine, BreakFilter(include_closed=True))[0].state
        books.run(at=EVENING + 3 * HOUR)

        assert (by_hand, began_before) == (BreakState.CLOSED, BreakState.CLOSED)
        assert (books.only().state, books.only().reopened) == (BreakState.OPEN, 1)


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
        close = close_by_hand(by="jonas", why="agreed", now=EVENING + HOUR)
        apply(books.engine, name, close)

        (closed,) = list_breaks(books.engine, BreakFilter(include_closed=True))
        assert (closed.state, closed.since) == (BreakState.CLOSED, EVENING)

        apply(
            books.engine, name, reopening(by="maria", why="not agreed", now=EVENING + 2 * HOUR)
        )
        assert books.only().since == EVENING + 2 * HOUR
