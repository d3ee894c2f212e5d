"""The decision table, row by row: rollbacks, and the tombstones they leave."""

import pytest

from ledger.accepting.model import OperationRow
from ledger.enums import OperationKind
from providers.contract import Policy
from tests.harness.books.ledger import (
    LENIENT,
    SLUG,
    STRICT,
    Counter,
    bet,
    bet_and_win,
    rollback,
    round_end,
    set_blocked,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict


def moved(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def test_a_rolled_back_bet_comes_back_to_the_player_and_out_of_the_turnover() -> None:
    counter = Counter()
    counter.take(bet("b1", 400))

    decided = counter.take(rollback("u1", "b1", minor=400))

    (row,) = decided.operations
    assert decided.verdict is Verdict.ACCEPTED
    assert moved(row) == (-400, 0, 400, 1000, 2)
    assert (row.kind, row.refers_to, row.reverses) == ("rollback", "b1", "b1")
    assert (row.round_id, row.reason) == ("r1", None)
    assert counter.wallets[1].turnover == 0
    assert counter.operations[SLUG, "b1"].reversed


def test_a_rolled_back_win_is_taken_back_even_when_it_was_spent() -> None:
    counter = Counter(balance=0)
    counter.take_all(win("w1", 300), bet("b1", 250))

    (row,) = counter.take(rollback("u1", "w1")).operations

    assert moved(row) == (0, -300, -300, -250, 3)
    assert row.reverses == "w1"


def test_a_player_who_owes_cannot_bet_but_can_win() -> None:
    counter = Counter(balance=0)
    counter.take_all(win("w1", 300), bet("b1", 250), rollback("u1", "w1"))

    bets = counter.take(bet("b2", 1))
    wins = counter.take(win("w2", 300))

    assert (bets.verdict, wins.verdict) == (Verdict.DECLINED_FUNDS, Verdict.ACCEPTED)
    assert counter.balance == 50


def test_both_sides_of_a_bet_and_win_are_undone() -> None:
    counter = Counter()
    counter.take(bet_and_win("k", 400, 150))

    (row,) = counter.take(rollback("u1", "k")).operations

    assert moved(row) == (-400, -150, 250, 1000, 2)


@pytest.mark.parametrize("policy", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_second_rollback_of_one_original_succeeds_and_moves_nothing(policy: Policy) -> None:
    counter = Counter()
    counter.take_all(bet("b1", 400), rollback("u1", "b1"), policy=policy)

    decided = counter.take(rollback("u2", "b1"), policy=policy)

    (row,) = decided.operations
    assert decided.verdict is Verdict.ACCEPTED
    assert moved(row) == (0, 0, 0, 1000, 3)
    assert (row.reason, row.refers_to, row.reverses) == ("already_rolled_back", "b1", None)
    assert row.round_id == "r1"


def test_a_repeated_rollback_gets_its_stored_answer() -> None:
    counter = Counter()
    counter.take(bet("b1", 400))
    first = counter.take(rollback("u1", "b1"))

    again = counter.take(rollback("u1", "b1"))

    assert (again.verdict, again.answer) == (Verdict.REPEATED, first.answer)


def test_a_rollback_of_a_declined_bet_succeeds_and_moves_nothing() -> None:
    counter = Counter(balance=10)
    counter.take(bet("b1", 400))

    decided = counter.take(rollback("u1", "b1"))

    (row,) = decided.operations
    assert (decided.verdict, row.reason) == (Verdict.ACCEPTED, "original_declined")
    assert moved(row) == (0, 0, 0, 10, 2)
    assert row.reverses is None


def test_a_rollback_of_something_unknown_occupies_its_key() -> None:
    counter = Counter()

    decided = counter.take(rollback("u1", "b1", minor=400), policy=LENIENT)

    row, stone = decided.operations
    assert decided.verdict is Verdict.ACCEPTED
    assert moved(row) == (0, 0, 0, 1000, 1)
    assert (row.reason, row.reverses, row.round_id) == ("original_unknown", None, "r9")
    assert moved(stone) == (0, 0, 0, 1000, 2)
    assert (stone.kind, stone.op_key, stone.refers_to) == ("tombstone", "b1", "u1")
    assert (row.ends_round, stone.ends_round) == (True, False)
    assert (stone.provider, stone.decision) == (SLUG, "accepted")
    assert counter.wallets[1].seq == 2
    assert counter.operations[SLUG, "b1"].kind is OperationKind.TOMBSTONE


def test_a_rollback_of_a_tombstone_succeeds_without_another_one() -> None:
    counter = Counter()
    counter.take(rollback("u1", "b1"))

    (row,) = counter.take(rollback("u2", "b1")).operations

    assert (row.reason, row.wallet_seq) == ("already_rolled_back", 3)


@pytest.mark.parametrize(
    "original",
    [rollback("k", "b1"), round_end("k", of="b1", staked=400)],
    ids=["rollback", "round end"],
)
def test_what_cannot_be_undone_is_answered_as_the_policy_says(original: Operation) -> None:
    strict, lenient = Counter(), Counter()
    strict.take_all(bet("b1", 400), original)
    lenient.take_all(bet("b1", 400), original)
    before = strict.balance

    refused = strict.take(rollback("u2", "k"), policy=STRICT)
    taken = lenient.take(rollback("u2", "k"), policy=LENIENT)

    assert (refused.verdict, refused.operations) == (Verdict.IRREVERSIBLE, ())
    (row,) = taken.operations
    assert (taken.verdict, row.reason) == (Verdict.ACCEPTED, "irreversible")
    assert (row.amount, row.reverses) == (0, None)
    assert strict.balance == lenient.balance == before


@pytest.mark.parametrize("original", [bet("k", 400), win("k", 400)], ids=["bet", "win"])
def test_the_amount_of_the_original_is_moved_whatever_the_rollback_says(
    original: Operation,
) -> None:
    counter = Counter()
    counter.take(original)

    (row,) = counter.take(rollback("u1", "k", minor=399)).operations

    assert (row.reason, row.reverses) == ("amount_differs", "k")
    assert counter.balance == 1000


def test_a_rollback_of_another_players_bet_is_a_conflict() -> None:
    counter = Counter()
    counter.take(bet("b1", 400, handle="bob"))

    decided = counter.take(rollback("u1", "b1"))

    assert (decided.verdict, decided.operations) == (Verdict.CONFLICT, ())
    assert (counter.balance, counter.wallets[2].balance) == (1000, 600)


def test_a_tombstone_belongs_to_the_player_it_was_set_for() -> None:
    counter = Counter()
    counter.take(rollback("u1", "b1"))

    decided = counter.take(rollback("u2", "b1", handle="bob"))

    assert decided.verdict is Verdict.CONFLICT


def test_a_rollback_of_a_blocked_player_gives_the_money_back() -> None:
    counter = Counter()
    counter.take_all(bet("b1", 400), set_blocked("x1", blocked=True))

    decided = counter.take(rollback("u1", "b1"))

    assert (decided.verdict, counter.balance) == (Verdict.ACCEPTED, 1000)


def test_two_rollbacks_that_name_each_other_first_move_nothing() -> None:
    """The second stands beside the first one's tombstone and moves nothing: nobody gains."""
    counter = Counter()

    verdicts = [
        counter.take(fact, policy=LENIENT).verdict
        for fact in (rollback("u1", "u2"), rollback("u2", "u1"))
    ]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert counter.balance == 1000
