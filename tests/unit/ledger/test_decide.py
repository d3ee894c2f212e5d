"""The decision table, row by row: bets, wins and round ends."""

import json

import pytest

from ledger.accepting.model import Decision, OperationRow
from providers.contract import LedgerPolicy
from tests.harness.books.ledger import (
    LENIENT,
    NOON,
    SLUG,
    STRICT,
    MemoryLedger,
    bet,
    bet_and_win,
    deposit,
    rollback,
    round_end,
    set_blocked,
    win,
)
from vocabulary.facts import Operation
from vocabulary.ids import match_key
from vocabulary.outcomes import Verdict


def only_row(decision: Decision) -> OperationRow:
    (row,) = decision.operations
    return row


def amounts(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def answer_fields(decision: Decision) -> dict[str, str | None]:
    fields: dict[str, str | None] = json.loads(decision.reply.body)
    return fields


def test_a_bet_with_funds_is_accepted() -> None:
    ledger = MemoryLedger(balance=1000)

    decision = ledger.decide(bet("b1", 1000))

    row = only_row(decision)
    assert decision.verdict is Verdict.ACCEPTED
    assert amounts(row) == (1000, 0, -1000, 0, 1)
    assert (row.kind, row.decision, row.reason) == ("bet", "accepted", None)
    assert (row.provider, row.op_key, row.currency) == (SLUG, "b1", "EUR")
    assert (row.round_id, row.match_key) == ("r1", match_key(SLUG, "r1"))
    assert (row.refers_to, row.reverses, row.ends_round) == (None, None, False)
    assert row.received_at == NOON
    assert answer_fields(decision) == {
        "verdict": "accepted",
        "transaction": "txn-1-1",
        "balance": "0.00",
        "turnover": "10.00",
    }
    assert decision.delivery is None


def test_the_stored_reply_is_the_answer() -> None:
    decision = MemoryLedger().decide(bet("b1", 5))

    row = only_row(decision)
    assert (row.reply_status, row.reply) == (decision.reply.status, decision.reply.body)
    assert b"b1" in row.body


def test_a_bet_of_one_cent_too_much_is_declined_and_takes_a_chain_position() -> None:
    ledger = MemoryLedger(balance=1000)

    decision = ledger.decide(bet("b1", 1001))

    row = only_row(decision)
    assert decision.verdict is Verdict.DECLINED_FUNDS
    assert amounts(row) == (0, 0, 0, 1000, 1)
    assert (row.decision, row.reason) == ("declined", "declined_funds")
    assert answer_fields(decision)["transaction"] is None
    assert ledger.wallets[1].turnover == 0


def test_a_declined_bet_stays_declined_after_a_deposit() -> None:
    ledger = MemoryLedger(balance=0)
    first = ledger.decide(bet("b1", 10))
    ledger.decide(deposit("d1", 500))

    again = ledger.decide(bet("b1", 10))

    assert again.verdict is Verdict.REPEATED
    assert again.reply == first.reply
    assert ledger.balance == 500


def test_a_bet_of_a_blocked_player_is_declined_whatever_the_funds() -> None:
    decision = MemoryLedger(blocked=True).decide(bet("b1", 1))

    row = only_row(decision)
    assert decision.verdict is Verdict.DECLINED_BLOCKED
    assert amounts(row) == (0, 0, 0, 1000, 1)
    assert (row.decision, row.reason) == ("declined", "declined_blocked")


@pytest.mark.parametrize("owed", [0, -300])
def test_a_bet_of_zero_needs_no_funds(owed: int) -> None:
    decision = MemoryLedger(balance=owed, blocked=True).decide(bet("b1", 0))

    assert decision.verdict is Verdict.ACCEPTED
    assert amounts(only_row(decision)) == (0, 0, 0, owed, 1)


def test_a_repeat_gets_the_stored_answer_and_moves_nothing() -> None:
    ledger = MemoryLedger()
    first = ledger.decide(bet("b1", 100))
    ledger.decide(bet("b2", 50))

    again = ledger.decide(bet("b1", 100))

    assert again.verdict is Verdict.REPEATED
    assert again.reply == first.reply
    assert (again.operations, again.wallet, again.changes) == ((), None, {})
    assert again.delivery is not None
    assert (again.delivery.verdict, again.delivery.op_key) == ("repeated", "b1")
    assert (again.delivery.provider, again.delivery.reply) == (SLUG, first.reply.body)
    assert ledger.balance == 850


@pytest.mark.parametrize(
    "changed",
    [
        bet("k", 101),
        bet("k", 100, handle="bob"),
        bet("k", 100, round_id="r2"),
        win("k", 100),
        rollback("k", "b0"),
        round_end("k", of="b0", staked=100),
        bet_and_win("k", 100, 0),
    ],
    ids=["amount", "player", "round", "win", "rollback", "round end", "both"],
)
def test_a_changed_repeat_is_a_conflict_and_moves_nothing(changed: Operation) -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("k", 100))

    decision = ledger.decide(changed)

    assert decision.verdict is Verdict.CONFLICT
    assert decision.operations == ()
    assert decision.delivery is not None
    assert decision.delivery.verdict == "conflict"
    assert (answer_fields(decision)["balance"], ledger.balance) == (None, 900)


@pytest.mark.parametrize("late", [bet("k", 100), win("k", 100), bet_and_win("k", 100, 5)])
def test_an_original_that_arrives_after_its_rollback_moves_nothing(late: Operation) -> None:
    ledger = MemoryLedger()
    ledger.decide(rollback("u1", "k"))

    decision = ledger.decide_all(late, late)

    assert decision.verdict is Verdict.ROLLED_BACK
    assert decision.operations == ()
    assert decision.delivery is not None
    assert decision.delivery.verdict == "rolled_back"
    assert ledger.balance == 1000


def test_a_win_of_a_known_bet_is_paid() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))

    decision = ledger.decide(win("w1", 250, bet_key="b1", stake=100))

    row = only_row(decision)
    assert amounts(row) == (0, 250, 250, 1150, 2)
    assert (row.kind, row.refers_to, row.reason) == ("win", "b1", None)
    assert answer_fields(decision)["turnover"] == "1.00"


def test_a_win_that_states_another_stake_is_paid() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))

    decision = ledger.decide(win("w1", 250, bet_key="b1", stake=99))

    row = only_row(decision)
    assert (decision.verdict, row.reason) == (Verdict.ACCEPTED, "stake_differs")
    assert (row.declared_stake, row.declared_payout) == (99, None)
    assert ledger.balance == 1150


def test_a_win_of_an_unknown_bet_is_refused_until_its_bet_arrives_if_strict() -> None:
    ledger = MemoryLedger()

    refused = ledger.decide(win("w1", 250, bet_key="b1", stake=100), policy=STRICT)
    ledger.decide(bet("b1", 100))
    paid = ledger.decide(win("w1", 250, bet_key="b1", stake=100), policy=STRICT)

    assert (refused.verdict, refused.operations) == (Verdict.BET_UNKNOWN, ())
    assert answer_fields(refused)["balance"] == "10.00"
    assert paid.verdict is Verdict.ACCEPTED
    assert ledger.balance == 1150


def test_a_win_of_an_unknown_bet_is_paid_under_a_lenient_policy() -> None:
    ledger = MemoryLedger()

    decision = ledger.decide(win("w1", 250, bet_key="b1", stake=100), policy=LENIENT)

    assert amounts(only_row(decision)) == (0, 250, 250, 1250, 1)


def test_a_win_without_a_bet_key_is_paid_under_any_policy() -> None:
    decision = MemoryLedger().decide(win("w1", 250), policy=STRICT)

    row = only_row(decision)
    assert (decision.verdict, row.refers_to, row.payout) == (Verdict.ACCEPTED, None, 250)


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [(STRICT, Verdict.BET_UNKNOWN), (LENIENT, Verdict.ACCEPTED)],
    ids=["strict", "lenient"],
)
def test_a_win_of_a_declined_bet_counts_as_a_win_of_an_unknown_bet(
    policy: LedgerPolicy, verdict: Verdict
) -> None:
    ledger = MemoryLedger(balance=0)
    ledger.decide(bet("b1", 100), policy=policy)

    decision = ledger.decide(win("w1", 250, bet_key="b1"), policy=policy)

    assert decision.verdict is verdict


@pytest.mark.parametrize("policy", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_win_of_a_rolled_back_bet_is_refused(policy: LedgerPolicy) -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 100), rollback("u1", "b1"), policy=policy)

    decision = ledger.decide(win("w1", 250, bet_key="b1"), policy=policy)

    assert (decision.verdict, decision.operations) == (Verdict.ROLLED_BACK, ())
    assert ledger.balance == 1000


def test_a_win_of_a_bet_rolled_back_before_it_arrived_is_refused() -> None:
    ledger = MemoryLedger()
    ledger.decide(rollback("u1", "b1"))

    decision = ledger.decide(win("w1", 250, bet_key="b1"), policy=LENIENT)

    assert decision.verdict is Verdict.ROLLED_BACK


def test_a_win_of_another_players_bet_is_a_conflict() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100, handle="bob"))

    decision = ledger.decide(win("w1", 250, bet_key="b1"), policy=LENIENT)

    assert (decision.verdict, decision.operations) == (Verdict.CONFLICT, ())


@pytest.mark.parametrize("fact", [win("w1", 70), rollback("u1", "b1")])
def test_wins_and_rollbacks_of_a_blocked_player_are_accepted(fact: Operation) -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 70), set_blocked("x1", blocked=True))

    decision = ledger.decide(fact)

    assert (decision.verdict, ledger.balance) == (Verdict.ACCEPTED, 1000)


def test_a_bet_and_win_is_one_operation() -> None:
    decision = MemoryLedger().decide(bet_and_win("k", 1000, 300))

    row = only_row(decision)
    assert amounts(row) == (1000, 300, -700, 300, 1)
    assert row.kind == "bet_and_win"
    assert answer_fields(decision)["turnover"] == "10.00"


def test_the_win_of_a_bet_and_win_does_not_fund_its_own_bet() -> None:
    decision = MemoryLedger(balance=1000).decide(bet_and_win("k", 1001, 5000))

    assert decision.verdict is Verdict.DECLINED_FUNDS
    assert amounts(only_row(decision)) == (0, 0, 0, 1000, 1)


def test_a_bet_and_win_of_a_blocked_player_is_declined() -> None:
    decision = MemoryLedger(blocked=True).decide(bet_and_win("k", 1, 5000))

    assert decision.verdict is Verdict.DECLINED_BLOCKED


def test_the_end_of_a_known_round_moves_nothing_and_stores_the_declared_totals() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))

    row = only_row(ledger.decide(round_end("e1", of="b1", staked=100, paid=40)))

    assert amounts(row) == (0, 0, 0, 900, 2)
    assert (row.kind, row.refers_to, row.reason) == ("round_end", "b1", None)
    assert (row.declared_stake, row.declared_payout, row.ends_round) == (100, 40, True)


def test_the_end_of_a_round_with_another_stake_has_a_reason() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))

    row = only_row(ledger.decide(round_end("e1", of="b1", staked=90)))

    assert (row.reason, row.declared_stake) == ("stake_differs", 90)


def test_the_end_of_an_unknown_round_keeps_its_late_bet_out() -> None:
    ledger = MemoryLedger()

    end = ledger.decide(round_end("e1", of="b1", staked=100))
    late = ledger.decide(bet("b1", 100))

    row, tombstone = end.operations
    assert (row.reason, row.wallet_seq, row.ends_round) == ("bet_unknown", 1, True)
    assert (tombstone.kind, tombstone.op_key, tombstone.wallet_seq) == ("tombstone", "b1", 2)
    assert (tombstone.declared_stake, tombstone.ends_round) == (None, False)
    assert end.wallet is not None
    assert end.wallet.seq == 2
    assert late.verdict is Verdict.ROLLED_BACK
    assert ledger.balance == 1000


def test_the_end_of_another_players_round_is_a_conflict() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100, handle="bob"))

    decision = ledger.decide(round_end("e1", of="b1", staked=100))

    assert (decision.verdict, decision.operations) == (Verdict.CONFLICT, ())


def test_a_win_after_the_end_of_its_round_is_still_paid() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 100), round_end("e1", of="b1", staked=100))

    decision = ledger.decide(win("w1", 30, bet_key="b1", stake=100))

    assert (decision.verdict, ledger.balance) == (Verdict.ACCEPTED, 930)


def test_where_each_operation_is_a_round_every_operation_ends_one() -> None:
    ledger = MemoryLedger()

    decisions = [
        ledger.decide(bet("b1", 1), policy=LENIENT),
        ledger.decide(win("w1", 1), policy=LENIENT),
    ]

    assert [only_row(decision).ends_round for decision in decisions] == [True, True]
