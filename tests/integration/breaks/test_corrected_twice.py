"""What two corrections of one round, by hand and of a break, move: never both."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest
from sqlalchemy import text

from breaks.corrections import proposals
from breaks.corrections.suggestions import RoundSide
from breaks.states import BreakState
from ledger.accepting.own_operations import InRound
from ledger.corrections import adjustments
from ledger.corrections.adjustments import AdjustmentRefused
from ops.scheduling.booking_jobs import book_approved_corrections
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import SLUG, eur, open_wallets
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY

CLOCK = FrozenClock(EVENING)
#: The database takes no entries, as after a fault in what is booked.
REFUSE_ENTRIES = b"""
CREATE FUNCTION refuse_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation', CONSTRAINT = 'refused';
END $$;
CREATE TRIGGER refuse_entries BEFORE INSERT ON entries FOR EACH ROW
  EXECUTE FUNCTION refuse_entries();
"""


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    """Books in which a win of 2.50 never came."""
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 250)
    yield books
    engine.dispose()


def by_hand(books: BreakBooks, *, side: RoundSide = "payout", minor: int = 250) -> str:
    """Propose a correction of the round without a break."""
    return adjustments.propose(
        books.engine,
        player="ann",
        currency="EUR",
        amount=eur(minor),
        reason="ann wrote to us",
        by="maria",
        now=EVENING,
        within=InRound(provider=SLUG, round_id="r1", side=side),
        exponents=ISO_ONLY,
    )


def approve_by_hand(books: BreakBooks, name: str) -> str:
    after = adjustments.approve(books.engine, name, by="jonas", now=EVENING, exponents=ISO_ONLY)
    return after.state


def of_break(books: BreakBooks) -> str:
    """Propose the correction of the break; returns the break's id."""
    books.run()
    name = books.only().break_id
    propose_of_break(books, name, at=EVENING)
    return name


def propose_of_break(books: BreakBooks, name: str, *, at: datetime) -> None:
    proposals.propose(
        books.engine,
        name,
        by="erin",
        reason="as they say",
        now=at,
        try_corrections=books.trials,
        exponents=ISO_ONLY,
    )


def approve_only(books: BreakBooks, name: str) -> BreakState:
    """Approve it as the console does; the scheduler books it later."""
    after = proposals.approve_only(
        books.engine,
        name,
        by="jonas",
        now=EVENING,
        try_corrections=books.trials,
        exponents=ISO_ONLY,
    )
    return after.state


@pytest.mark.parametrize("side", ["payout", "stake"])
def test_what_was_proposed_by_hand_is_not_paid_beside_the_correction_of_the_break(
    books: BreakBooks, side: RoundSide
) -> None:
    hand = by_hand(books, side=side)
    name = of_break(books)
    approve_only(books, name)

    with pytest.raises(AdjustmentRefused, match=rf"adj-\w+ of {name} corrects the same"):
        approve_by_hand(books, hand)
    proposals.book(books.engine, name, by="jonas", clock=CLOCK)
    with pytest.raises(AdjustmentRefused, match="reject it"):
        approve_by_hand(books, hand)

    assert books.balance() == 1150


def test_a_break_is_not_corrected_while_what_was_approved_by_hand_is_not_posted(
    books: BreakBooks,
) -> None:
    hand = by_hand(books)
    name = of_break(books)
    assert approve_by_hand(books, hand) == "posted"  # accepted, and in no round yet

    with pytest.raises(AdjustmentRefused, match=f"{hand} corrects the same round"):
        approve_only(books, name)

    assert books.balance() == 1150


def test_a_correction_by_hand_and_one_of_a_break_approved_at_once_move_once(
    books: BreakBooks,
) -> None:
    hand, name = by_hand(books), of_break(books)
    start, refused = threading.Barrier(2), []

    def decide(approve: Callable[[BreakBooks, str], str], what: str) -> None:
        start.wait()
        try:
            approve(books, what)
        except AdjustmentRefused as error:
            refused.append(str(error))

    people = [
        threading.Thread(target=decide, args=(approve_by_hand, hand)),
        threading.Thread(target=decide, args=(approve_only, name)),
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    book_approved_corrections(books.engine, CLOCK)

    assert len(refused) == 1
    assert books.balance() == 1150


def test_stake_and_payout_of_a_round_are_both_corrected_by_hand(books: BreakBooks) -> None:
    names = by_hand(books, side="stake", minor=-20), by_hand(books, side="payout", minor=270)

    states = [approve_by_hand(books, name) for name in names]

    assert states == ["posted", "posted"]
    assert books.balance() == 1150


def test_a_break_is_not_corrected_again_while_its_first_correction_is_parked(
    database: str, books: BreakBooks
) -> None:
    name = of_break(books)
    approve_only(books, name)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(REFUSE_ENTRIES)
    proposals.book(books.engine, name, by="jonas", clock=CLOCK)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(b"DROP TRIGGER refuse_entries ON entries")
    books.run(at=EVENING + HOUR)
    reopened = books.only().state
    propose_of_break(books, name, at=EVENING + HOUR)

    with pytest.raises(AdjustmentRefused, match=rf"adj-\w+ of {name} corrects the same"):
        approve_only(books, name)

    assert reopened is BreakState.OPEN
    assert book_approved_corrections(books.engine, CLOCK) == 0
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT balance FROM wallets")).scalar_one() == 1150
