"""What was booked, never answered and never reported is a break that a reversal resolves."""

from collections.abc import Iterator

import pytest

from breaks.corrections import proposals
from breaks.kinds import BreakKind, Impact
from breaks.states import BreakState
from breaks.unanswered import count_unanswered
from ops.metrics.breaks import break_samples
from ops.settings.model import Settings
from reconcile.findings.breaks import Break
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.verify import verify_run
from reconcile.totals.tie_out import totals
from storage.engine import open_engine
from tests.harness.books.differences.breaks import DAY, EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    accept,
    bet,
    open_wallets,
    rollback,
    win,
)
from tests.harness.books.unanswered import book_unanswered
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000), ("bob", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


def waiting(books: BreakBooks) -> int:
    with books.engine.connect() as connection:
        return count_unanswered(connection).get(SLUG, 0)


def only(result: RunResult) -> Break:
    (break_,) = result.breaks
    return break_


def test_an_unanswered_bet_that_the_provider_does_not_report_is_a_break_with_its_sentence(
    books: BreakBooks,
) -> None:
    book_unanswered(books.url, bet("k", 250))

    break_ = only(books.run())

    assert (break_.kind, break_.difference) == (BreakKind.UNANSWERED, 250)
    assert (break_.impact, break_.player) == (Impact.PLAYER_OWED, "ann")
    assert break_.explanation == (
        "The bet k, booked at 2026-06-04T12:00:00Z, was answered 'retry later', as the outcome"
        " of its commit was unknown. lottery does not report round r1, for which a stake of"
        " 2.50 EUR and a payout of 0.00 EUR are booked: reverse them; the player is owed"
        " 2.50 EUR."
    )
    assert break_.evidence["operations"] == ["k"]


def test_approving_the_proposed_reversal_pays_back_and_the_next_run_is_clean(
    books: BreakBooks,
) -> None:
    book_unanswered(books.url, bet("k", 250))
    break_ = only(books.run())
    (proposal,) = proposals.propose(
        books.engine,
        break_.id,
        try_corrections=books.trials,
        by="maria",
        reason="never answered",
        now=EVENING,
        exponents=ISO_ONLY,
    )

    after = proposals.approve(
        books.engine,
        break_.id,
        try_corrections=books.trials,
        by="jonas",
        clock=FrozenClock(EVENING),
        exponents=ISO_ONLY,
    )

    assert proposal.startswith("adj-")
    assert after.state is BreakState.POSTED
    assert books.run(at=EVENING + HOUR).breaks == ()
    assert books.only().state is BreakState.CLOSED
    assert waiting(books) == 0


def test_it_waits_until_its_maturity_is_over(books: BreakBooks) -> None:
    book_unanswered(books.url, bet("k", 250))

    young = books.run(at=NOON + HOUR / 10)

    assert young.breaks == ()
    assert waiting(books) == 1
    assert only(books.run()).kind is BreakKind.UNANSWERED
    assert waiting(books) == 0


def test_the_history_settles_it(books: BreakBooks) -> None:
    book_unanswered(books.url, bet("k", 250))
    assert waiting(books) == 1

    books.theirs("r1", 250, 0)

    assert waiting(books) == 0
    assert books.run().breaks == ()


def test_a_rollback_settles_it(books: BreakBooks) -> None:
    book_unanswered(books.url, bet("k", 250))

    accept(books.url, rollback("undo", "k", round_id="r1"))

    assert waiting(books) == 0
    assert books.run().breaks == ()


def test_after_an_answered_repeat_it_is_a_round_that_the_provider_withholds(
    books: BreakBooks,
) -> None:
    book_unanswered(books.url, bet("k", 250))

    accept(books.url, bet("k", 250))

    assert waiting(books) == 0
    break_ = only(books.run())
    assert break_.kind is BreakKind.MISSING_AT_PROVIDER
    assert "retry later" not in break_.explanation


def test_an_unanswered_win_of_a_reported_bet_is_named_by_the_break_of_its_amount(
    books: BreakBooks,
) -> None:
    accept(books.url, bet("b", 100))
    book_unanswered(books.url, win("w", 300, bet_key="b"))
    books.theirs("r1", 100, 0)

    break_ = only(books.run())

    assert (break_.kind, break_.difference) == (BreakKind.PAYOUT, -300)
    assert break_.explanation.endswith(
        "The win w, booked at 2026-06-04T12:00:00Z, was answered 'retry later', as the outcome"
        " of its commit was unknown."
    )


def test_a_missing_round_with_an_answered_bet_keeps_its_kind_and_names_what_is_unanswered(
    books: BreakBooks,
) -> None:
    accept(books.url, bet("b", 100))
    book_unanswered(books.url, win("w", 300, bet_key="b"))

    break_ = only(books.run())

    assert (break_.kind, break_.difference) == (BreakKind.MISSING_AT_PROVIDER, -200)
    assert "The win w, booked at" in break_.explanation


def test_of_a_round_that_players_share_only_the_unanswered_part_is_one(
    books: BreakBooks,
) -> None:
    book_unanswered(books.url, bet("of ann", 100))
    accept(books.url, bet("of bob", 70, handle="bob"))

    breaks = {break_.player: break_.kind for break_ in books.run().breaks}

    assert breaks == {"ann": BreakKind.UNANSWERED, "bob": BreakKind.MISSING_AT_PROVIDER}


def test_the_totals_name_the_same_break_and_a_later_verification_finds_it_again(
    books: BreakBooks,
) -> None:
    book_unanswered(books.url, bet("k", 250))
    result = books.run()

    asked = RunRequest(provider=SLUG, window=DAY, maturity=HOUR)
    lines = totals(books.url, asked, now=EVENING, zone="UTC").lines

    assert [(line.cause, line.break_id) for line in lines] == [
        ("unanswered_operation", only(result).id)
    ]
    assert verify_run(books.url, result.run_id).verified


def test_a_metric_counts_what_waits(books: BreakBooks) -> None:
    book_unanswered(books.url, bet("k", 250))
    settings = Settings.model_validate({})
    with books.engine.connect() as connection:
        samples = list(break_samples(connection, settings, EVENING))

    assert [(s.labels, s.value) for s in samples if "unanswered" in s.name] == [((SLUG,), 1)]
