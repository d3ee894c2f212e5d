"""Rollbacks and round ends that arrive late: the same books in every order."""

from itertools import permutations

import pytest

from ledger.accepting.late_operations import late_key
from providers.contract import LedgerPolicy
from tests.harness.books.ledger import (
    LENIENT,
    SLUG,
    STRICT,
    MemoryLedger,
    bet,
    rollback,
    round_end,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict

REPEATED, ROLLED_BACK = Verdict.REPEATED, Verdict.ROLLED_BACK
WIN = win("w1", 300, bet_key="b1", stake=100)


def test_a_win_after_the_end_of_an_unknown_bet_is_paid_under_a_lenient_policy() -> None:
    ledger = MemoryLedger()

    end, paid = (
        ledger.decide(fact, policy=LENIENT)
        for fact in (round_end("e1", of="b1", staked=100), WIN)
    )

    assert (end.verdict, paid.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    (row,) = paid.operations
    assert (row.payout, row.reason, ledger.balance) == (300, None, 1300)


def test_a_win_after_the_end_of_an_unknown_bet_is_refused_under_a_strict_policy() -> None:
    ledger = MemoryLedger()

    refused = ledger.decide_all(round_end("e1", of="b1", staked=100), WIN)

    assert (refused.verdict, ledger.balance) == (Verdict.BET_UNKNOWN, 1000)


def test_the_win_of_an_unknown_bet_that_was_ended_and_rolled_back_is_refused() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(round_end("e1", of="b1", staked=100), policy=LENIENT)

    (undone,) = ledger.decide(rollback("u1", "b1"), policy=LENIENT).operations
    again = ledger.decide(rollback("u2", "b1"), policy=LENIENT)
    refused = ledger.decide(WIN, policy=LENIENT)

    assert (undone.reverses, undone.amount, undone.reason) == ("b1", 0, "original_unknown")
    assert again.operations[0].reason == "already_rolled_back"
    assert (refused.verdict, ledger.balance) == (ROLLED_BACK, 1000)


def test_a_bet_after_the_end_of_its_round_moves_nothing() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(round_end("e1", of="b1", staked=100), WIN, policy=LENIENT)

    late = ledger.decide(bet("b1", 100), policy=LENIENT)

    assert (late.verdict, ledger.balance) == (ROLLED_BACK, 1300)


@pytest.mark.parametrize("order", list(permutations((0, 1))))
@pytest.mark.parametrize("policy", [LENIENT, STRICT])
def test_a_rollback_undoes_its_bet_although_it_was_rolled_back_before_it_arrived(
    policy: LedgerPolicy, order: tuple[int, ...]
) -> None:
    rollbacks = rollback("u1", "b1"), rollback("u2", "u1")
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 400))

    for index in order:
        ledger.decide(rollbacks[index], policy=policy)

    assert ledger.balance == 1000
    assert ledger.wallets[1].turnover == 0
    assert ledger.operations[SLUG, "b1"].reversed


def test_a_late_rollback_is_repeated_and_in_conflict_when_changed() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 400), rollback("u2", "u1"), policy=LENIENT)

    first = ledger.decide(rollback("u1", "b1"), policy=LENIENT)
    repeat = ledger.decide(rollback("u1", "b1"), policy=LENIENT)
    changed = ledger.decide(rollback("u1", "b9"), policy=LENIENT)

    assert [row.op_key for row in first.operations] == [late_key("u1")]
    assert (repeat.verdict, repeat.reply) == (REPEATED, first.reply)
    assert repeat.delivery is not None
    assert repeat.delivery.op_key == late_key("u1")
    assert (changed.verdict, ledger.balance) == (Verdict.CONFLICT, 1000)


def test_a_round_ends_although_its_end_was_rolled_back_before_it_arrived() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 100), rollback("u1", "e1"), policy=LENIENT)

    ended = ledger.decide(round_end("e1", of="b1", staked=100), policy=LENIENT)

    (row,) = ended.operations
    assert (row.op_key, row.ends_round, row.declared_stake) == (late_key("e1"), True, 100)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_chain_of_rollbacks_after_a_bet_ends_in_the_same_books_in_every_order(
    order: tuple[int, ...],
) -> None:
    facts: list[Operation] = [
        rollback("u1", "b1"),
        rollback("u2", "u1"),
        rollback("u3", "u2"),
        rollback("u4", "b1"),
    ]
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 400))

    for index in order:
        ledger.decide(facts[index], policy=LENIENT)

    assert ledger.balance == 1000
    assert ledger.decide(win("w1", 5, bet_key="b1"), policy=LENIENT).verdict is ROLLED_BACK
