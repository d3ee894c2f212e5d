"""What comes late and must be taken all the same: whatever the order, the same books."""

from itertools import permutations

import pytest

from ledger.accepting.tombstones import late_key
from providers.contract import Policy
from tests.harness.books.ledger import (
    LENIENT,
    SLUG,
    STRICT,
    Counter,
    bet,
    rollback,
    round_end,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict

REPEATED, ROLLED_BACK = Verdict.REPEATED, Verdict.ROLLED_BACK
OWED = win("w1", 300, bet_key="b1", stake=100)


def test_a_win_after_the_end_of_a_bet_that_never_came_is_paid_where_orphans_are() -> None:
    counter = Counter()

    end, paid = (
        counter.take(fact, policy=LENIENT)
        for fact in (round_end("e1", of="b1", staked=100), OWED)
    )

    assert (end.verdict, paid.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    (row,) = paid.operations
    assert (row.payout, row.reason, counter.balance) == (300, None, 1300)


def test_a_win_after_the_end_of_a_bet_that_never_came_is_of_an_unknown_bet_elsewhere() -> None:
    counter = Counter()

    refused = counter.take_all(round_end("e1", of="b1", staked=100), OWED)

    assert (refused.verdict, counter.balance) == (Verdict.BET_UNKNOWN, 1000)


def test_a_bet_that_an_end_named_and_a_rollback_undid_pays_no_win() -> None:
    counter = Counter()
    counter.take_all(round_end("e1", of="b1", staked=100), policy=LENIENT)

    (undone,) = counter.take(rollback("u1", "b1"), policy=LENIENT).operations
    again = counter.take(rollback("u2", "b1"), policy=LENIENT)
    refused = counter.take(OWED, policy=LENIENT)

    assert (undone.reverses, undone.amount, undone.reason) == ("b1", 0, "original_unknown")
    assert again.operations[0].reason == "already_rolled_back"
    assert (refused.verdict, counter.balance) == (ROLLED_BACK, 1000)


def test_a_late_bet_stays_out_after_its_round_ended() -> None:
    counter = Counter()
    counter.take_all(round_end("e1", of="b1", staked=100), OWED, policy=LENIENT)

    late = counter.take(bet("b1", 100), policy=LENIENT)

    assert (late.verdict, counter.balance) == (ROLLED_BACK, 1300)


@pytest.mark.parametrize("order", list(permutations((0, 1))))
@pytest.mark.parametrize("policy", [LENIENT, STRICT])
def test_a_rollback_that_was_itself_rolled_back_first_undoes_its_bet_all_the_same(
    policy: Policy, order: tuple[int, ...]
) -> None:
    undoing = rollback("u1", "b1"), rollback("u2", "u1")
    counter = Counter()
    counter.take(bet("b1", 400))

    for at in order:
        counter.take(undoing[at], policy=policy)

    assert counter.balance == 1000
    assert counter.wallets[1].turnover == 0
    assert counter.operations[SLUG, "b1"].reversed


def test_what_stands_beside_a_tombstone_is_answered_again_and_refused_when_changed() -> None:
    counter = Counter()
    counter.take_all(bet("b1", 400), rollback("u2", "u1"), policy=LENIENT)

    taken = counter.take(rollback("u1", "b1"), policy=LENIENT)
    repeat = counter.take(rollback("u1", "b1"), policy=LENIENT)
    changed = counter.take(rollback("u1", "b9"), policy=LENIENT)

    assert [row.op_key for row in taken.operations] == [late_key("u1")]
    assert (repeat.verdict, repeat.answer) == (REPEATED, taken.answer)
    assert repeat.delivery is not None
    assert repeat.delivery.op_key == late_key("u1")
    assert (changed.verdict, counter.balance) == (Verdict.CONFLICT, 1000)


def test_a_round_ends_although_a_rollback_of_its_end_came_first() -> None:
    counter = Counter()
    counter.take_all(bet("b1", 100), rollback("u1", "e1"), policy=LENIENT)

    ended = counter.take(round_end("e1", of="b1", staked=100), policy=LENIENT)

    (row,) = ended.operations
    assert (row.op_key, row.ends_round, row.declared_stake) == (late_key("e1"), True, 100)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_chain_of_rollbacks_ends_in_the_same_books_in_every_order_behind_its_bet(
    order: tuple[int, ...],
) -> None:
    told: list[Operation] = [
        rollback("u1", "b1"),
        rollback("u2", "u1"),
        rollback("u3", "u2"),
        rollback("u4", "b1"),
    ]
    counter = Counter()
    counter.take(bet("b1", 400))

    for at in order:
        counter.take(told[at], policy=LENIENT)

    assert counter.balance == 1000
    assert counter.take(win("w1", 5, bet_key="b1"), policy=LENIENT).verdict is ROLLED_BACK
