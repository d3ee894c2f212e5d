"""Corrections are tried before they are stored and approved; wrong ones are refused."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from breaks.actions import apply, reopening
from breaks.corrections import proposals
from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Source
from breaks.lists.queries import break_history
from breaks.states import ActionRefused, BreakState
from storage.archive.row_cut import RowsAreAway
from storage.engine import open_engine
from tests.harness.books.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import SLUG, accept, open_wallets, round_end
from tests.harness.tampering.replay import tamper
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY

CLOCK = FrozenClock(EVENING)


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


def find(
    books: BreakBooks, ours: tuple[int, int] | None, theirs: tuple[int, int] | None
) -> str:
    """One round as either side has it, and the break that a run finds."""
    if ours is not None:
        books.ours("r1", *ours)
    if theirs is not None:
        books.theirs("r1", *theirs)
    books.run()
    return books.only().break_id


def propose(
    books: BreakBooks, name: str, named: Correction | None = None, *overruled: Source
) -> list[str]:
    return proposals.propose(
        books.engine,
        name,
        by="maria",
        reason="as they say",
        now=EVENING,
        try_corrections=books.trials,
        named=named,
        overruled=overruled,
        exponents=ISO_ONLY,
    )


def approve(books: BreakBooks, name: str) -> BreakState:
    after = proposals.approve(
        books.engine,
        name,
        by="jonas",
        clock=CLOCK,
        try_corrections=books.trials,
        exponents=ISO_ONLY,
    )
    return after.state


def stored(books: BreakBooks) -> tuple[int, int]:
    """How many proposals and trials are stored."""
    query = (
        "SELECT (SELECT count(*) FROM adjustments), (SELECT count(*) FROM correction_trials)"
    )
    with books.engine.connect() as connection:
        adjustments, trials = connection.execute(text(query)).one()
    return adjustments, trials


def test_the_answer_of_a_trial_stands_beside_the_proposal(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 250))
    books.ours("r2", 70, 0)
    books.run()

    propose(books, name)

    trial = break_history(books.engine, name).break_.trial
    assert trial is not None
    assert [closed["id"] for closed in trial["closes"]] == [name]
    assert (trial["opens"], trial["changes"], trial["contradictions"]) == ([], [], [])
    assert trial["entries"] == [
        {"account": "player_wallet", "amount": "2.50"},
        {"account": "ggr", "amount": "-2.50"},
        {"account": "provider_clearing", "amount": "-1.00"},
        {"account": "ggr", "amount": "1.00"},
    ]
    assert (trial["balance_before"], trial["balance_after"]) == ("8.30", "10.80")
    assert books.balance() == 830


def test_the_entries_and_balance_of_a_trial_are_those_that_are_booked(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 130, 250)
    breaks = books.run().breaks
    for break_ in breaks:
        propose(books, break_.id)
        approve(books, break_.id)
        trial = break_history(books.engine, break_.id).break_.trial
        assert trial is not None
        assert f"{books.balance() / 100:.2f}" == trial["balance_after"]
        with books.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT e.account::text, e.amount FROM entries e JOIN operations o"
                    " USING (wallet_id, wallet_seq) WHERE o.op_key = ANY(:keys)"
                    " ORDER BY e.leg"
                ),
                {"keys": [a.id for a in break_history(books.engine, break_.id).adjustments]},
            ).all()
        booked = sorted((row[0], f"{row[1] / 100:.2f}") for row in rows)
        assert booked == sorted((e["account"], e["amount"]) for e in trial["entries"])
    assert len(breaks) == 2
    assert books.run(at=EVENING + HOUR).breaks == ()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (Correction(amount=40, side="payout"), "history: the history reports a payout of 0.50"),
        (Correction(amount=-50, side="payout"), "the correction makes it -0.50 EUR"),
        (Correction(amount=50, side="stake"), "history: the history reports a stake of 1.00"),
        (Correction(amount=50, side=None), "would not close"),
    ],
    ids=["wrong amount", "wrong sign", "wrong side", "outside the round"],
)
def test_a_wrong_correction_is_refused_and_nothing_is_stored(
    books: BreakBooks, named: Correction, reason: str
) -> None:
    name = find(books, (100, 0), (100, 50))

    with pytest.raises(ActionRefused, match=reason):
        propose(books, name, named)

    assert stored(books) == (0, 0)
    assert books.only().state is BreakState.OPEN
    assert books.actions(name) == [("reconcile", "break.opened")]


def test_a_correction_in_another_players_round_is_refused(books: BreakBooks) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50)
    books.change_record("r1", handle="bob")
    books.run()
    name = books.only().break_id

    with pytest.raises(ActionRefused, match="the history does not report the round"):
        propose(books, name, Correction(amount=50, side="payout"))

    assert stored(books) == (0, 0)


def test_a_break_that_was_corrected_beside_its_round_is_not_paid_twice(
    books: BreakBooks,
) -> None:
    name = find(books, (100, 0), (100, 50))
    propose(books, name, Correction(amount=50, side=None), Source.HISTORY)
    approve(books, name)
    books.run(at=EVENING + HOUR)

    with pytest.raises(ActionRefused, match=r"correction: adj-\w+ moved 0.50 EUR for this"):
        propose(books, name)
    propose(books, name, None, Source.CORRECTION)

    assert books.only().state is BreakState.PROPOSED


def test_a_break_that_was_corrected_in_its_round_cannot_be_corrected_again(
    books: BreakBooks,
) -> None:
    name = find(books, (100, 0), (100, 50))
    propose(books, name)
    approve(books, name)
    apply(books.engine, name, reopening(by="maria", why="again", now=EVENING))

    with pytest.raises(ActionRefused, match=rf"moot: .* no longer find {name}"):
        propose(books, name)

    assert books.balance() == 950


def test_a_round_end_that_declares_otherwise_is_overruled_by_name_or_the_proposal_refused(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    accept(books.url, round_end("r1-e", of="r1-b", staked=100))
    name = find(books, None, (100, 50))

    with pytest.raises(ActionRefused, match=r"round_end: .* declares a payout of 0\.00"):
        propose(books, name)
    refused = stored(books)
    propose(books, name, None, Source.ROUND_END)
    approve(books, name)

    history = break_history(books.engine, name)
    assert refused == (0, 0)
    assert history.break_.trial is not None
    assert history.break_.trial["overruled"] == ["round_end"]
    assert "as they say (overrules round_end)" in [
        row.detail.get("why") for row in history.trail
    ]
    assert books.run(at=EVENING + HOUR).breaks == ()


def test_what_contradicts_nothing_is_not_overruled(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 50))

    with pytest.raises(ActionRefused, match="balance_chain, round_end does not contradict"):
        propose(books, name, None, Source.ROUND_END, Source.BALANCE_CHAIN)

    assert stored(books) == (0, 0)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "sentence"),
    [
        ((100, 50), None, "confirmed", "bet_detail: lottery confirms the bet"),
        (None, (100, 50), "unknown", "bet_detail: lottery does not know the bet"),
    ],
)
def test_an_answer_about_the_bet_contradicts_a_correction(
    books: BreakBooks,
    ours: tuple[int, int] | None,
    theirs: tuple[int, int] | None,
    verdict: str,
    sentence: str,
) -> None:
    name = find(books, ours, theirs)
    with psycopg.connect(books.url) as connection:
        connection.execute(
            "INSERT INTO detail_answers (provider, key, verdict, reason, asked_at,"
            " expires_at) VALUES (%s, 'r1', %s, 'asked', now(), now())",
            (SLUG, verdict),
        )

    with pytest.raises(ActionRefused, match=sentence):
        propose(books, name)
    propose(books, name, None, Source.BET_DETAIL)

    assert books.only().state is BreakState.PROPOSED


def test_a_correction_that_takes_the_wallet_below_zero_is_overruled_by_name(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 300)
    books.ours("spent", 1100, 0)
    books.theirs("spent", 1100, 0)
    name = find(books, None, (100, 0))

    with pytest.raises(ActionRefused, match="it would open negative_balance in round r1"):
        propose(books, name)
    propose(books, name, None, Source.WALLET)
    approve(books, name)

    assert books.balance() == -200


@pytest.mark.parametrize("payout", [0, 90], ids=["moot", "another difference"])
def test_a_proposal_that_no_longer_cures_is_refused_at_its_approval(
    books: BreakBooks, payout: int
) -> None:
    name = find(books, (100, 0), (100, 50))
    propose(books, name)
    books.theirs("r1", 100, payout)

    with pytest.raises(ActionRefused, match="moot" if payout == 0 else "would not close"):
        approve(books, name)

    assert books.only().state is BreakState.PROPOSED
    assert stored(books) == (1, 1)
    assert books.balance() == 900


def test_two_people_who_approve_at_once_book_once(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 50))
    propose(books, name)
    start, states = threading.Barrier(2), []

    def decide(by: str) -> None:
        start.wait()
        after = proposals.approve(
            books.engine,
            name,
            by=by,
            clock=CLOCK,
            try_corrections=books.trials,
            exponents=ISO_ONLY,
        )
        states.append(after.state)

    people = [threading.Thread(target=decide, args=(by,)) for by in ("jonas", "erin")]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert states == [BreakState.POSTED] * 2
    assert books.balance() == 950
    assert stored(books) == (1, 2)


BY_HAND = """
WITH moved AS (UPDATE break_workflows SET state = 'adjustment_proposed' WHERE break_id = %s)
INSERT INTO adjustments (id, player, currency, amount, reason, break_id, fund, proposed_by,
                         proposed_at, state)
VALUES ('adj-' || repeat('a', 32), 'ann', 'EUR', 250, 'by hand', %s, 'cash', 'maria', now(),
        'proposed')
"""
APPROVED_BY_HAND = """
UPDATE adjustments SET state = 'approved', decided_by = 'jonas', decided_at = now()
"""


def test_a_proposal_that_was_never_tried_is_not_approved(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 250))
    with psycopg.connect(books.url) as connection:
        connection.execute(BY_HAND, (name, name))

    with pytest.raises(ActionRefused, match=f"was never tried: reject it .* {name}"):
        approve(books, name)
    with (
        psycopg.connect(books.url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="has no trial of the phase prop"),
    ):
        connection.execute(APPROVED_BY_HAND)
    proposals.reject(books.engine, name, by="jonas", reason="never tried", now=EVENING)
    propose(books, name)
    assert approve(books, name) is BreakState.POSTED


def test_an_approval_that_was_not_tried_again_is_not_committed(books: BreakBooks) -> None:
    propose(books, find(books, (100, 0), (100, 250)))

    with psycopg.connect(books.url) as connection:
        connection.execute(APPROVED_BY_HAND)
        with pytest.raises(psycopg.errors.RestrictViolation, match="of the phase approved"):
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_trial_in_a_window_whose_rows_left_is_refused(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 250))
    tamper(books.url, "INSERT INTO archived_row_months VALUES ('2026-06-01', '2026-07-01Z')")

    with pytest.raises(RowsAreAway, match=r"Begin at 2026-07-01T00:00:00Z or later"):
        propose(books, name)

    assert stored(books) == (0, 0)


def test_a_trial_of_a_break_whose_run_is_not_stored_is_refused(books: BreakBooks) -> None:
    name = find(books, (100, 0), (100, 250))
    tamper(books.url, "UPDATE breaks SET run_id = 'run-gone'")

    with pytest.raises(ActionRefused, match="run-gone, which is not stored: reconcile"):
        propose(books, name)

    assert stored(books) == (0, 0)
