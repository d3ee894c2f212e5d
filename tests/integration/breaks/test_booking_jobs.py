"""Approved corrections that the scheduler books."""

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from breaks.bulk import BulkAction, BulkOrder
from breaks.corrections import proposals
from breaks.kinds import BreakKind
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.policy import NO_LIMITS
from breaks.states import BreakState
from ops.commands.breaks.bulk_corrections import correct_all
from ops.scheduling.booking_jobs import book_approved_corrections
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import open_wallets
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Unavailable

#: The database refuses operations that pay so much, or more.
REFUSE = """
CREATE OR REPLACE FUNCTION refuse_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation', CONSTRAINT = 'refused';
END $$;
CREATE OR REPLACE TRIGGER refuse_operation BEFORE INSERT ON operations FOR EACH ROW
  WHEN (NEW.payout >= {least}) EXECUTE FUNCTION refuse_operation();
"""
approve = partial(proposals.approve, exponents=ISO_ONLY)
propose = partial(proposals.propose, exponents=ISO_ONLY)


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


def refuse(database: str, *, least: int) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(REFUSE.format(least=least).encode())


def test_a_correction_that_cannot_be_booked_keeps_no_other_waiting(
    database: str, books: BreakBooks
) -> None:
    for name, paid in (("first", 250), ("second", 30)):
        books.ours(name, 100, 0)
        books.theirs(name, 100, paid)
    found = {break_.round_id: break_.id for break_ in books.run().breaks}
    refuse(database, least=30)
    for hours, name in enumerate(("first", "second")):
        now, trials = EVENING + hours * HOUR, books.trials
        propose(
            books.engine,
            found[name],
            try_corrections=trials,
            by="maria",
            reason="theirs",
            now=now,
        )
        with pytest.raises(Unavailable, match="not booked yet"):
            approve(
                books.engine,
                found[name],
                try_corrections=trials,
                by="jonas",
                clock=FrozenClock(now),
            )

    refuse(database, least=250)

    assert book_approved_corrections(books.engine, FrozenClock(EVENING + 2 * HOUR)) == 1
    states = {item.break_id: item.state for item in list_breaks(books.engine, BreakFilter())}
    assert states == {
        found["first"]: BreakState.APPROVED,
        found["second"]: BreakState.POSTED,
    }


def test_a_correction_that_is_put_off_keeps_no_other_of_a_filter_waiting(
    database: str, books: BreakBooks
) -> None:
    for name, paid in (("first", 250), ("second", 30)):
        books.ours(name, 100, 0)
        books.theirs(name, 100, paid)
    found = {break_.round_id: break_.id for break_ in books.run().breaks}
    order = partial(
        BulkOrder,
        reason="theirs",
        limits=NO_LIMITS,
        try_corrections=books.trials,
        exponents=lambda _provider: ISO_ONLY,
        books=True,
    )
    payouts = BreakFilter(kind=BreakKind.PAYOUT)
    correct_all(books.engine, payouts, order(action=BulkAction.PROPOSE, by="maria"))
    refuse(database, least=250)

    result = correct_all(books.engine, payouts, order(action=BulkAction.APPROVE, by="jonas"))

    assert [break_.break_id for break_ in result.breaks] == [found["second"]]
    ((name, why),) = result.refused.items()
    assert (name, "is approved but not booked yet" in why) == (found["first"], True)
