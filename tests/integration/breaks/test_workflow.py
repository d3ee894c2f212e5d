"""The workflow of breaks on real books: corrections resolve them, runs close and reopen."""

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import exc, text

from breaks.actions import apply, assigning, closing, explaining, reopening
from breaks.corrections import proposals
from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Source
from breaks.kinds import Impact
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.policy import WriteOffLimits
from breaks.states import STEPS, ActionRefused, BreakState
from breaks.store import transaction
from ledger.corrections import adjustments
from ledger.corrections.adjustments import AdjustmentRefused
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import eur, open_wallets
from vocabulary.clock import FrozenClock
from vocabulary.currencies import ISO_ONLY

LIMITS = WriteOffLimits(roles={"jonas": "lead"}, by_role={"lead": {"EUR": 100}})
approve = partial(proposals.approve, exponents=ISO_ONLY)
close_by_hand = partial(closing, exponents=lambda _provider: ISO_ONLY)
propose = partial(proposals.propose, exponents=ISO_ONLY)


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield BreakBooks(database, engine)
    engine.dispose()


def corrected(
    books: BreakBooks,
    named: Correction | None = None,
    *,
    name: str | None = None,
    overruled: frozenset[Source] = frozenset(),
) -> str:
    """Propose, approve and post the correction of a break, by default of the only one."""
    name = name or books.only().break_id
    propose(
        books.engine,
        name,
        try_corrections=books.trials,
        by="maria",
        reason="as they say",
        now=EVENING,
        named=named,
        overruled=overruled,
    )
    after = approve(
        books.engine, name, try_corrections=books.trials, by="jonas", clock=FrozenClock(EVENING)
    )
    assert after.state is BreakState.POSTED
    return name


def test_posted_breaks_are_closed_by_the_next_run(books: BreakBooks) -> None:
    cases: dict[str, tuple[tuple[int, int] | None, tuple[int, int] | None]] = {
        "a win that never came": ((100, 0), (100, 250)),
        "a win that was overpaid": ((100, 300), (100, 250)),
        "a bet that never came": (None, (70, 0)),
        "a whole round that never came": (None, (100, 250)),
        "a round that the provider does not know": ((100, 50), None),
        "a larger stake": ((100, 0), (130, 0)),
    }
    for name, (ours, theirs) in cases.items():
        if ours is not None:
            books.ours(name, *ours)
        if theirs is not None:
            books.theirs(name, *theirs)
    result = books.run()
    for found_break in result.breaks:
        corrected(books, name=found_break.id)

    after = books.run(at=EVENING + HOUR)

    assert sorted(found_break.round_id for found_break in result.breaks) == sorted(cases)
    assert {found_break.impact for found_break in result.breaks} == {
        Impact.PLAYER_OWED,
        Impact.OPERATOR_OWED,
    }
    assert after.breaks == ()
    breaks = list_breaks(books.engine, BreakFilter(include_closed=True))
    assert {(break_.state, break_.since) for break_ in breaks} == {(BreakState.CLOSED, EVENING)}
    assert books.balance() == 1000 + sum(
        payout - stake for _, theirs in cases.values() if theirs for stake, payout in [theirs]
    )


def test_a_repeated_line_has_no_correction_and_is_closed_once_it_is_gone(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50, lines=2)
    books.run()
    name = books.only().break_id
    with pytest.raises(ActionRefused, match="duplicate_at_provider: no correction"):
        corrected(books)
    apply(books.engine, name, explaining(by="maria", why="their page 7 twice", now=EVENING))
    books.run(at=EVENING + HOUR)
    explained = books.only().state
    books.forget("r1", line=2)

    books.run(at=EVENING + 2 * HOUR)

    assert (explained, books.only().state) == (BreakState.EXPLAINED, BreakState.CLOSED)
    assert books.balance() == 950


def test_a_correction_outside_the_round_does_not_resolve_the_break(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50, lines=2)
    books.run()
    name = corrected(
        books, Correction(amount=-50, side=None), overruled=frozenset({Source.HISTORY})
    )

    books.run(at=EVENING + HOUR)

    assert (books.only().state, books.only().reopened) == (BreakState.OPEN, 1)
    assert books.actions(name)[-1] == ("reconcile", "break.reopened")
    assert books.balance() == 900


def test_a_break_that_returns_is_open_and_unassigned(books: BreakBooks) -> None:
    books.ours("r1", 100, 0)
    books.run()
    name = books.only().break_id
    apply(books.engine, name, assigning(to="maria", by="jonas", now=EVENING))
    books.theirs("r1", 100, 0)
    books.run(at=EVENING + HOUR)
    closed = books.only()
    books.forget("r1")

    books.run(at=EVENING + 2 * HOUR)

    returned = books.only()
    assert (closed.state, closed.assignee) == (BreakState.CLOSED, "maria")
    assert (returned.state, returned.assignee, returned.reopened) == (BreakState.OPEN, None, 1)
    assert returned.opened_at == EVENING + 2 * HOUR
    assert books.actions(name) == [
        ("reconcile", "break.opened"),
        ("jonas", "break.assigned"),
        ("reconcile", "break.closed"),
        ("reconcile", "break.reopened"),
    ]


def test_a_break_stays_explained_until_its_difference_changes(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    apply(books.engine, name, explaining(by="maria", why="a test round", now=EVENING))
    books.run(at=EVENING + HOUR)
    state_before = books.only().state
    books.theirs("r1", 100, 90)

    books.run(at=EVENING + 2 * HOUR)

    assert (state_before, books.only().state) == (BreakState.EXPLAINED, BreakState.OPEN)


def test_a_break_that_carries_money_is_not_closed_by_hand(books: BreakBooks) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    close = close_by_hand(by="maria", why="too small", now=EVENING)

    with pytest.raises(
        ActionRefused, match=r"0\.50 EUR, and closing books nothing: correct it"
    ):
        apply(books.engine, name, close)
    apply(books.engine, name, explaining(by="maria", why="a test round", now=EVENING))
    with pytest.raises(ActionRefused, match=r"write it off .*, or explain it"):
        apply(books.engine, name, close)

    assert books.only().state is BreakState.EXPLAINED


def test_a_break_without_money_is_closed_by_hand_until_it_returns_otherwise(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 50)
    books.theirs("r1", 100, 50)
    books.change_record("r1", handle="bob")
    books.run()
    name = books.only().break_id
    apply(books.engine, name, close_by_hand(by="maria", why="a renamed handle", now=EVENING))

    books.run(at=EVENING + HOUR)

    assert (books.only().kind, books.only().state) == ("player_mismatch", BreakState.CLOSED)


def test_a_proposal_for_a_break_that_is_gone_is_rejected_and_never_booked(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    (proposal,) = propose(
        books.engine,
        name,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
    )
    books.theirs("r1", 100, 0)
    result = books.run(at=EVENING + HOUR)

    with pytest.raises(ActionRefused, match="cannot go from closed to approved"):
        approve(
            books.engine,
            name,
            try_corrections=books.trials,
            by="jonas",
            clock=FrozenClock(EVENING),
        )

    withdrawn = adjustments.get_adjustment(books.engine, proposal)
    assert (withdrawn.state, withdrawn.decided_by) == ("rejected", "reconcile")
    assert withdrawn.decision == f"{result.run_id} no longer finds the break"
    assert books.balance() == 900


def test_nobody_approves_their_own_proposal_or_beyond_their_limit(books: BreakBooks) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 101)
    books.run()
    name = books.only().break_id
    propose(
        books.engine,
        name,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
    )
    clock = FrozenClock(EVENING)

    with pytest.raises(AdjustmentRefused, match="another person decides"):
        approve(books.engine, name, try_corrections=books.trials, by="maria", clock=clock)
    with pytest.raises(ActionRefused, match=r"jonas, lead: at most 1\.00 EUR.*1\.01"):
        approve(
            books.engine,
            name,
            try_corrections=books.trials,
            by="jonas",
            clock=clock,
            limits=LIMITS,
        )
    with pytest.raises(ActionRefused, match="eve, without a role"):
        approve(
            books.engine,
            name,
            try_corrections=books.trials,
            by="eve",
            clock=clock,
            limits=LIMITS,
        )
    assert books.only().state is BreakState.PROPOSED
    assert books.balance() == 900


def test_a_rejected_proposal_returns_the_break_and_another_may_follow(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    apply(books.engine, name, assigning(to="maria", by="jonas", now=EVENING))
    propose(
        books.engine,
        name,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
    )

    back = proposals.reject(books.engine, name, by="jonas", reason="ask them", now=EVENING)

    assert (back.state, back.assignee) == (BreakState.ASSIGNED, "maria")
    corrected(books)
    assert books.run(at=EVENING + HOUR).breaks == ()


def test_an_interrupted_approval_is_completed_by_repeating_it(
    books: BreakBooks,
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    name = books.only().break_id
    propose(
        books.engine,
        name,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
    )
    proposals.approve_only(
        books.engine,
        name,
        try_corrections=books.trials,
        by="jonas",
        now=EVENING,
        exponents=ISO_ONLY,
    )

    clock = FrozenClock(EVENING)
    approved = [
        approve(books.engine, name, try_corrections=books.trials, by="jonas", clock=clock)
        for _ in "ab"
    ]

    assert {break_.state for break_ in approved} == {BreakState.POSTED}
    assert books.balance() == 950


def test_the_database_has_the_same_steps_and_refuses_every_other(books: BreakBooks) -> None:
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT before, after FROM break_transitions"))
        stored = {(row[0], row[1]) for row in rows}
    books.theirs("r1", 100, 0)
    books.run()

    assert stored == {(str(a), str(b)) for a, follow in STEPS.items() for b in follow}
    with (
        pytest.raises(exc.IntegrityError, match="cannot go from open to posted"),
        transaction(books.engine) as connection,
    ):
        connection.execute(text("UPDATE break_workflows SET state = 'posted'"))


def test_an_illegal_step_names_both_states_and_changes_nothing(books: BreakBooks) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    name = books.only().break_id

    with pytest.raises(ActionRefused, match="cannot go from open to approved, only to"):
        approve(
            books.engine,
            name,
            try_corrections=books.trials,
            by="jonas",
            clock=FrozenClock(EVENING),
        )
    with pytest.raises(ActionRefused, match="cannot go from open to open"):
        apply(books.engine, name, reopening(by="jonas", why="again", now=EVENING))
    with pytest.raises(ActionRefused, match="there is no break brk-none"):
        apply(books.engine, "brk-none", reopening(by="jonas", why="again", now=EVENING))

    assert books.actions(name) == [("reconcile", "break.opened")]


def test_a_correction_cannot_be_approved_without_its_break(books: BreakBooks) -> None:
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
        exponents=ISO_ONLY,
    )

    with pytest.raises(exc.IntegrityError, match="which is open"):
        adjustments.approve(books.engine, proposal, by="jonas", now=EVENING, exponents=ISO_ONLY)
