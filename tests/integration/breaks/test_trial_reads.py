"""What a trial reads of the window of its run, and how."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from breaks.corrections import proposals
from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import sources_against
from breaks.kinds import BreakKind
from breaks.store import read_break
from reconcile.trials.trial import BreakTrials
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import accept, bet, open_wallets
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY

MINUTE = timedelta(minutes=1)
#: One more line of round r2, with a balance of 9.00 before it.
_LINE = """
INSERT INTO feed_records
       (provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,
        rolled_back, balance_before, created_at, updated_at, received_at, source, continues)
SELECT provider, 'a line', 1, round_id, match_key, %s, currency, %s, %s, false, 900,
       created_at + %s, updated_at, received_at, source, true
  FROM feed_records WHERE record_id = 'r2'
"""


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


@pytest.mark.parametrize("amount", [50, 40], ids=["right", "wrong"])
def test_a_trial_foresees_what_the_next_run_closes_and_opens(
    books: BreakBooks, amount: int
) -> None:
    for number, (payout, before) in enumerate([(0, 1000), (0, 950), (0, 940)]):
        books.ours(f"r{number}", 10 if number else 100, payout)
        books.theirs(f"r{number}", 10 if number else 100, payout + (0 if number else 50))
        books.change_record(f"r{number}", balance_before=str(before))
    accept(books.url, bet("r2-b", 11, round_id="r2"))  # the same id with other content
    found = {b.id: b for b in books.run().breaks}
    (name,) = (b.id for b in found.values() if b.kind is BreakKind.PAYOUT)
    correction = Correction(amount=amount, side="payout")

    trial = books.trials(read_break(books.engine, name), [correction], now=EVENING)
    proposals.propose(
        books.engine,
        name,
        by="maria",
        reason="as they say",
        now=EVENING,
        try_corrections=books.trials,
        named=correction,
        overruled=sources_against(trial),
        exponents=ISO_ONLY,
    )
    proposals.approve(
        books.engine,
        name,
        by="jonas",
        clock=FrozenClock(EVENING),
        try_corrections=books.trials,
        exponents=ISO_ONLY,
    )

    left = {b.id: b for b in books.run(at=EVENING + HOUR).breaks}
    assert {b.break_id for b in trial.closes} == set(found) - set(left)
    assert {b.break_id for b in trial.opens} == set(left) - set(found)
    assert {b.break_id: b.difference for b in trial.changes} == {
        b.id: b.difference
        for b in left.values()
        if b.id in found and found[b.id].difference != b.difference
    }
    # What the first round no longer explains shows where the balance next is off.
    opened = [] if amount == 50 else [(BreakKind.BALANCE_GAP, "r1")]
    assert [(b.kind, b.round_id) for b in trial.opens] == opened


@pytest.mark.parametrize(
    ("handle", "stake", "payout", "later"),
    [
        pytest.param("ann", 0, 5, MINUTE, id="later"),
        pytest.param("ann", 0, 5, 0 * MINUTE, id="at once"),
        pytest.param("bob", 10, 0, 0 * MINUTE, id="of another player"),
    ],
)
def test_a_trial_takes_the_balance_before_the_bet_of_the_player(
    books: BreakBooks, handle: str, stake: int, payout: int, later: timedelta
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 30)
    books.change_record("r1", balance_before="1000")
    books.ours("r2", 30, 5)
    books.theirs("r2", 30, 5 - payout)
    books.change_record("r2", balance_before="930")
    with psycopg.connect(books.url) as connection:
        connection.execute(_LINE.encode(), (handle, stake, payout, later))
    (name,) = (b.id for b in books.run().breaks if b.round_id == "r1")
    correction = Correction(amount=30, side="payout")

    trial = books.trials(read_break(books.engine, name), [correction], now=EVENING)

    assert trial.contradictions == ()


def test_a_trial_over_a_connection_of_its_own_keeps_its_statements_prepared(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    break_ = books.only()
    engine = open_engine(books.url, pool_size=1)
    tried = BreakTrials(database_url=books.url, engine=engine)

    answers = {
        repr(tried(break_, [Correction(amount=50, side="payout")], now=EVENING))
        for _ in range(8)  # psycopg prepares what it sends for the sixth time
    }

    with engine.connect() as connection:
        query = "SELECT generic_plans FROM pg_prepared_statements WHERE statement ~ :words"
        (planned,) = connection.execute(text(query), {"words": "AS is_reported"}).scalars()
    engine.dispose()
    assert planned > 0
    assert len(answers) == 1
