"""Write-offs on real books: two people, entries in the account ``difference``, reversal."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import exc, text

from breaks.actions import apply, awaiting, closing, explaining, reopening
from breaks.lists.queries import BreakFilter, break_history, list_breaks
from breaks.policy import WriteOffLimits
from breaks.standing import Standing
from breaks.states import ActionRefused, BreakChanged, BreakState
from breaks.store import transaction
from breaks.write_offs import (
    approve_write_off,
    approve_write_off_only,
    book_approved_write_off,
    breaks_to_write_off,
    propose_write_off,
    reject_write_off,
)
from ledger.queries.balances import trial_balance
from reconcile.days.sums import figures_of
from storage import people
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import SLUG, open_wallets
from vocabulary.currencies import ISO_ONLY
from vocabulary.people import PersonRefused, Role
from vocabulary.window import Window

LIMITS = WriteOffLimits(roles={"jonas": "lead"}, by_role={"lead": {"EUR": 10}})


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    """A round whose payout of 0.50 never reached us."""
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 50)
    books.run()
    yield books
    engine.dispose()


def difference_account(books: BreakBooks) -> int:
    """What the account ``difference`` holds; the books are verified first."""
    books.balance()
    lines = trial_balance(books.engine)
    assert sum(line.amount for line in lines) == 0
    return sum(line.amount for line in lines if line.account == "difference")


def propose(books: BreakBooks, *, by: str = "maria") -> str:
    name = books.only().break_id
    propose_write_off(books.engine, name, by=by, reason="too small to dispute", now=EVENING)
    return name


def written_off(books: BreakBooks) -> str:
    name = propose(books)
    approve_write_off(books.engine, name, by="jonas", now=EVENING)
    return name


def test_a_write_off_moves_the_difference_from_ggr_to_difference_and_no_wallet(
    books: BreakBooks,
) -> None:
    before = books.balance()
    name = written_off(books)

    after = books.only()
    assert (after.state, after.standing) == (BreakState.WRITTEN_OFF, Standing.WRITTEN_OFF)
    assert difference_account(books) == 50
    assert books.balance() == before
    assert [actor for actor, _ in books.actions(name)] == ["reconcile", "maria", "jonas"]


def test_nothing_is_booked_before_another_person_approves(books: BreakBooks) -> None:
    name = propose(books)

    with pytest.raises(ActionRefused, match="maria proposed the write-off: another person"):
        approve_write_off(books.engine, name, by="maria", now=EVENING)
    with pytest.raises(ActionRefused, match=r"jonas, lead: at most 0\.10 EUR"):
        approve_write_off(books.engine, name, by="jonas", now=EVENING, limits=LIMITS)

    assert books.only().standing is Standing.OPEN
    assert difference_account(books) == 0


def test_the_database_refuses_a_write_off_by_one_person_and_one_without_a_booking(
    books: BreakBooks,
) -> None:
    propose(books)
    decide = "UPDATE write_offs SET state = 'booked', decided_at = now(), decided_by = "

    with pytest.raises(exc.IntegrityError, match="four_eyes"), transaction(books.engine) as c:
        c.execute(text(f"{decide} 'maria'"))
    with (
        pytest.raises(exc.IntegrityError, match="is booked but 0"),
        transaction(books.engine) as c,
    ):
        c.execute(text(f"{decide} 'jonas'"))
    with (
        pytest.raises(exc.IntegrityError, match="against its write-off"),
        transaction(books.engine) as c,
    ):
        c.execute(text("UPDATE break_workflows SET state = 'written_off', settled = 50"))


def test_an_approved_write_off_waits_for_its_booking_and_stays_approved(
    books: BreakBooks,
) -> None:
    name = propose(books)
    approve_write_off_only(books.engine, name, by="jonas", now=EVENING)

    assert books.only().state is BreakState.WRITE_OFF_PROPOSED
    assert difference_account(books) == 0
    with pytest.raises(BreakChanged, match="jonas approved the write-off meanwhile"):
        approve_write_off_only(books.engine, name, by="nora", now=EVENING)
    with pytest.raises(BreakChanged, match="jonas approved"):
        reject_write_off(books.engine, name, by="nora", reason="no", now=EVENING)
    assert breaks_to_write_off(books.engine) == [name]
    approve_write_off(books.engine, name, by="nora", now=EVENING)  # completes it
    assert not book_approved_write_off(books.engine, name, now=EVENING)
    assert difference_account(books) == 50
    (write_off,) = break_history(books.engine, name).write_offs
    assert (write_off.state, write_off.decided_by) == ("booked", "jonas")


def test_a_run_takes_an_approved_write_off_back_before_it_is_booked(books: BreakBooks) -> None:
    name = propose(books)
    approve_write_off_only(books.engine, name, by="jonas", now=EVENING)
    books.theirs("r1", 100, 70)
    books.run(at=EVENING + HOUR)

    assert not book_approved_write_off(books.engine, name, now=EVENING)
    (write_off,) = break_history(books.engine, name).write_offs
    assert (write_off.state, write_off.reversed_by) == ("reversed", "reconcile")
    assert books.only().state is BreakState.OPEN
    assert difference_account(books) == 0


def test_a_rejected_write_off_returns_the_break(books: BreakBooks) -> None:
    name = propose(books)

    after = reject_write_off(books.engine, name, by="jonas", reason="ask them", now=EVENING)

    assert after.state is BreakState.OPEN
    assert difference_account(books) == 0
    (write_off,) = break_history(books.engine, name).write_offs
    assert (write_off.state, write_off.decided_by) == ("rejected", "jonas")


def test_a_written_off_break_stays_so_while_runs_find_the_same_difference(
    books: BreakBooks,
) -> None:
    written_off(books)

    books.run(at=EVENING + HOUR)
    books.run(at=EVENING + 2 * HOUR)

    assert books.only().state is BreakState.WRITTEN_OFF
    assert difference_account(books) == 50


def test_another_difference_reverses_the_write_off_and_reopens_the_break(
    books: BreakBooks,
) -> None:
    name = written_off(books)
    books.theirs("r1", 100, 90)

    books.run(at=EVENING + HOUR)

    assert (books.only().state, books.only().reopened) == (BreakState.OPEN, 1)
    assert difference_account(books) == 0
    (write_off,) = break_history(books.engine, name).write_offs
    assert (write_off.state, write_off.reversed_by) == ("reversed", "reconcile")
    written_off(books)
    assert difference_account(books) == 90


def test_a_break_that_is_gone_is_closed_and_its_write_off_reversed(books: BreakBooks) -> None:
    written_off(books)
    books.theirs("r1", 100, 0)

    books.run(at=EVENING + HOUR)

    assert books.only().standing is Standing.CLOSED
    assert difference_account(books) == 0


def test_a_proposal_about_another_difference_is_rejected_by_the_run(books: BreakBooks) -> None:
    name = propose(books)
    books.theirs("r1", 100, 90)
    books.run(at=EVENING + HOUR)

    assert books.only().state is BreakState.OPEN
    assert break_history(books.engine, name).write_offs[0].state == "rejected"


def test_a_person_may_reopen_a_written_off_break_but_not_close_it(books: BreakBooks) -> None:
    name = written_off(books)

    with pytest.raises(ActionRefused, match="is written off: a run closes it"):
        apply(
            books.engine,
            name,
            closing(by="maria", why="done", now=EVENING, exponents=lambda _provider: ISO_ONLY),
        )
    apply(books.engine, name, reopening(by="maria", why="they pay", now=EVENING))

    assert books.only().state is BreakState.OPEN
    assert difference_account(books) == 0


def test_what_no_invoice_counts_cannot_be_written_off(books: BreakBooks) -> None:
    name = books.only().break_id
    with psycopg.connect(books.url) as connection:
        connection.execute("UPDATE breaks SET kind = 'negative_balance'")

    with pytest.raises(ActionRefused, match="there is nothing to write off"):
        propose_write_off(books.engine, name, by="maria", reason="old", now=EVENING)


def test_a_break_that_waits_for_the_provider_counts_apart_and_is_closed_once_it_is_gone(
    books: BreakBooks,
) -> None:
    name = books.only().break_id
    apply(books.engine, name, awaiting(by="maria", why="ticket 7", now=EVENING))
    books.run(at=EVENING + HOUR)
    waiting = books.only().standing
    books.theirs("r1", 100, 0)

    books.run(at=EVENING + 2 * HOUR)

    assert (waiting, books.only().standing) == (Standing.WAITING, Standing.CLOSED)


def test_an_explained_break_is_written_off_and_listed_by_its_states(books: BreakBooks) -> None:
    name = books.only().break_id
    apply(books.engine, name, explaining(by="maria", why="their test", now=EVENING))
    written_off(books)
    states = (BreakState.WRITTEN_OFF, BreakState.WAITING)

    assert len(list_breaks(books.engine, BreakFilter(states=states))) == 1
    assert list_breaks(books.engine, BreakFilter(states=(BreakState.OPEN,))) == []


def test_a_write_off_leaves_the_open_breaks_of_its_day(books: BreakBooks) -> None:
    window = Window(start=EVENING - 30 * HOUR, end=EVENING + 30 * HOUR)

    def open_breaks() -> int:
        with books.engine.connect() as connection:
            figures = figures_of(connection, SLUG, window, {})
        return sum(money.count for money in figures.breaks.values())

    assert open_breaks() == 1
    written_off(books)
    assert open_breaks() == 0


def test_a_second_account_of_the_same_operating_system_user_approves_no_write_off(
    books: BreakBooks,
) -> None:
    with books.engine.begin() as connection:
        for name in ("ana", "ana second"):
            roles = (Role.APPROVER, Role.FINANCE)
            people.add_person(connection, name, roles=roles, os_user="ana", by="tests")
    name = propose(books, by="ana")

    with pytest.raises(PersonRefused, match="another account of the same operating-system"):
        approve_write_off(books.engine, name, by="ana second", now=EVENING)

    assert difference_account(books) == 0
    approve_write_off(books.engine, name, by="jonas", now=EVENING)
    assert difference_account(books) != 0
