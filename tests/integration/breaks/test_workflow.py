"""The life of a break on real books: corrections resolve it, runs close and reopen it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import exc, text

from breaks import corrections
from breaks.actions import assigning, closing, do, explaining, reopening
from breaks.corrections import Correction
from breaks.kinds import Impact
from breaks.limits import WriteOffLimits
from breaks.queries import BreakFilter, listed
from breaks.states import STEPS, ActionRefused, BreakState
from breaks.store import transaction
from ledger.corrections import adjustments
from ledger.corrections.adjustments import AdjustmentRefused
from storage.engine import open_engine
from tests.harness.books.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import eur, open_wallets
from vocabulary.clock import FrozenClock

LIMITS = WriteOffLimits(roles={"jonas": "lead"}, most={"lead": {"EUR": 100}})


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


def corrected(
    books: BreakBooks, named: Correction | None = None, *, name: str | None = None
) -> str:
    """Propose, approve and post what resolves a break, or the only one."""
    name = name or books.only().break_id
    corrections.propose(
        books.engine, name, by="maria", reason="as they say", now=EVENING, named=named
    )
    done = corrections.approve(books.engine, name, by="jonas", clock=FrozenClock(EVENING))
    assert done.state is BreakState.POSTED
    return name


def test_what_is_posted_is_closed_by_the_next_run(books: BreakBooks) -> None:
    told: dict[str, tuple[tuple[int, int] | None, tuple[int, int] | None]] = {
        "a win that never came": ((100, 0), (100, 250)),
        "a win that was overpaid": ((100, 300), (100, 250)),
        "a bet that never came": (None, (70, 0)),
        "a whole round that never came": (None, (100, 250)),
        "a round that the provider does not know": ((100, 50), None),
        "a larger stake": ((100, 0), (130, 0)),
    }
    for name, (ours, theirs) in told.items():
        if ours is not None:
            books.ours(name, *ours)
        if theirs is not None:
            books.theirs(name, *theirs)
    found = books.run()
    for each in found.breaks:
        corrected(books, name=each.id)

    after = books.run(at=EVENING + HOUR)

    assert sorted(each.round_id for each in found.breaks) == sorted(told)
    assert {each.impact for each in found.breaks} == {Impact.PLAYER_OWED, Impact.OPERATOR_OWED}
    assert after.breaks == ()
    lives = listed(books.engine, BreakFilter(any_state=True))
    assert {life.state for life in lives} == {BreakState.CLOSED}
    assert books.balance() == 1000 + sum(
        payout - stake for _, theirs in told.values() if theirs for stake, payout in [theirs]
    )


def test_a_line_told_twice_has_no_correction_and_is_closed_when_they_take_it_back(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50, lines=2)
    books.run()
    name = books.only().break_id
    with pytest.raises(ActionRefused, match="duplicate_at_provider: no correction"):
        corrected(books)
    do(books.engine, name, explaining(by="maria", why="their page 7 twice", now=EVENING))
    books.run(at=EVENING + HOUR)
    explained = books.only().state
    books.forget("r1", line=2)

    books.run(at=EVENING + 2 * HOUR)

    assert (explained, books.only().state) == (BreakState.EXPLAINED, BreakState.CLOSED)
    assert books.balance() == 950


def test_a_correction_outside_the_round_does_not_resolve_it_and_reopens_the_break(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50, lines=2)
    books.run()
    name = corrected(books, Correction(amount=-50, side=None))

    books.run(at=EVENING + HOUR)

    assert (books.only().state, books.only().reopened) == (BreakState.OPEN, 1)
    assert books.actions(name)[-1] == ("reconcile", "break.reopened")
    assert books.balance() == 900


def test_what_comes_back_is_open_again_and_nobodys(books: BreakBooks) -> None:
    books.ours("r1", 100, 0)
    books.run()
    name = books.only().break_id
    do(books.engine, name, assigning(to="maria", by="jonas", now=EVENING))
    books.theirs("r1", 100, 0)
    books.run(at=EVENING + HOUR)
    closed = books.only()
    books.forget("r1")

    books.run(at=EVENING + 2 * HOUR)

    back = books.only()
    assert (closed.state, closed.assignee) == (BreakState.CLOSED, "maria")
    assert (back.state, back.assignee, back.reopened) == (BreakState.OPEN, None, 1)
    assert back.opened_at == EVENING + 2 * HOUR
    assert books.actions(name) == [
        ("reconcile", "break.opened"),
        ("jonas", "break.assigned"),
        ("reconcile", "break.closed"),
        ("reconcile", "break.reopened"),
    ]


def test_what_is_explained_or_written_off_stays_so_until_the_difference_is_another(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    do(books.engine, name, explaining(by="maria", why="a test round", now=EVENING))
    do(books.engine, name, closing(by="maria", why="too small", now=EVENING))
    books.run(at=EVENING + HOUR)
    kept = books.only().state
    books.theirs("r1", 100, 90)

    books.run(at=EVENING + 2 * HOUR)

    assert (kept, books.only().state) == (BreakState.CLOSED, BreakState.OPEN)


def test_a_proposal_for_what_resolved_itself_is_withdrawn_and_never_booked(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    (proposal,) = corrections.propose(
        books.engine, name, by="maria", reason="a win", now=EVENING
    )
    books.theirs("r1", 100, 0)
    result = books.run(at=EVENING + HOUR)

    with pytest.raises(ActionRefused, match="cannot go from closed to approved"):
        corrections.approve(books.engine, name, by="jonas", clock=FrozenClock(EVENING))

    withdrawn = adjustments.get(books.engine, proposal)
    assert (withdrawn.state, withdrawn.decided_by) == ("rejected", "reconcile")
    assert withdrawn.decision == f"{result.run_id} no longer finds the break"
    assert books.balance() == 900


def test_nobody_approves_their_own_or_beyond_their_limit(books: BreakBooks) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 101)
    books.run()
    name = books.only().break_id
    corrections.propose(books.engine, name, by="maria", reason="a win", now=EVENING)
    clock = FrozenClock(EVENING)

    with pytest.raises(AdjustmentRefused, match="another person decides"):
        corrections.approve(books.engine, name, by="maria", clock=clock)
    with pytest.raises(ActionRefused, match=r"jonas, lead: at most 1\.00 EUR.*1\.01"):
        corrections.approve(books.engine, name, by="jonas", clock=clock, limits=LIMITS)
    with pytest.raises(ActionRefused, match="eve, without a role"):
        corrections.approve(books.engine, name, by="eve", clock=clock, limits=LIMITS)
    assert books.only().state is BreakState.PROPOSED
    assert books.balance() == 900


def test_a_rejected_proposal_gives_the_break_back_and_another_may_follow(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    do(books.engine, name, assigning(to="maria", by="jonas", now=EVENING))
    corrections.propose(books.engine, name, by="maria", reason="a win", now=EVENING)

    back = corrections.reject(books.engine, name, by="jonas", reason="ask them", now=EVENING)

    assert (back.state, back.assignee) == (BreakState.ASSIGNED, "maria")
    corrected(books)
    assert books.run(at=EVENING + HOUR).breaks == ()


def test_an_approval_cut_off_before_the_booking_is_completed_by_repeating_it(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    ids = corrections.propose(books.engine, name, by="maria", reason="a win", now=EVENING)
    with transaction(books.engine) as connection:
        adjustments.approve_on(connection, ids[0], by="jonas", now=EVENING)
        connection.execute(text("UPDATE break_lives SET state = 'approved'"))

    clock = FrozenClock(EVENING)
    done = [corrections.approve(books.engine, name, by="jonas", clock=clock) for _ in "ab"]

    assert {life.state for life in done} == {BreakState.POSTED}
    assert books.balance() == 950


def test_the_database_knows_the_same_steps_and_refuses_every_other(books: BreakBooks) -> None:
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT before, after FROM break_steps"))
        kept = {(row[0], row[1]) for row in rows}
    books.theirs("r1", 100, 0)
    books.run()

    assert kept == {(str(a), str(b)) for a, follow in STEPS.items() for b in follow}
    with (
        pytest.raises(exc.IntegrityError, match="cannot go from open to posted"),
        transaction(books.engine) as connection,
    ):
        connection.execute(text("UPDATE break_lives SET state = 'posted'"))


def test_an_illegal_step_names_both_states_and_changes_nothing(books: BreakBooks) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    name = books.only().break_id

    with pytest.raises(ActionRefused, match="cannot go from open to approved, only to"):
        corrections.approve(books.engine, name, by="jonas", clock=FrozenClock(EVENING))
    with pytest.raises(ActionRefused, match="cannot go from open to open"):
        do(books.engine, name, reopening(by="jonas", why="again", now=EVENING))
    with pytest.raises(ActionRefused, match="no break is called brk-none"):
        do(books.engine, "brk-none", reopening(by="jonas", why="again", now=EVENING))

    assert books.actions(name) == [("reconcile", "break.opened")]


def test_a_correction_is_not_approved_past_its_break(books: BreakBooks) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    name = books.only().break_id
    proposal = adjustments.propose(
        books.engine,
        player="ann",
        currency="EUR",
        amount=eur(-100),
        reason="by the side door",
        by="maria",
        now=EVENING,
        break_id=name,
    )

    with pytest.raises(exc.IntegrityError, match="which is open"):
        adjustments.approve(books.engine, proposal, by="jonas", now=EVENING)
