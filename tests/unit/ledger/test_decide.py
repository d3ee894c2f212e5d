"""The decision table, row by row: bets, wins and round ends."""

import json

import pytest

from ledger.accepting.model import Decision, OperationRow
from providers.contract import Policy
from tests.harness.books.ledger import (
    LENIENT,
    NOON,
    SLUG,
    STRICT,
    Counter,
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


def only_row(decided: Decision) -> OperationRow:
    (row,) = decided.operations
    return row


def moved(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def told(decided: Decision) -> dict[str, str | None]:
    said: dict[str, str | None] = json.loads(decided.answer.body)
    return said


def test_a_bet_with_funds_is_taken() -> None:
    counter = Counter(balance=1000)

    decided = counter.take(bet("b1", 1000))

    row = only_row(decided)
    assert decided.verdict is Verdict.ACCEPTED
    assert moved(row) == (1000, 0, -1000, 0, 1)
    assert (row.kind, row.decision, row.reason) == ("bet", "accepted", None)
    assert (row.provider, row.op_key, row.currency) == (SLUG, "b1", "EUR")
    assert (row.round_id, row.match_key) == ("r1", match_key(SLUG, "r1"))
    assert (row.refers_to, row.reverses, row.ends_round) == (None, None, False)
    assert row.received_at == NOON
    assert told(decided) == {
        "verdict": "accepted",
        "transaction": "txn-1-1",
        "balance": "0.00",
        "turnover": "10.00",
    }
    assert decided.delivery is None


def test_what_is_stored_is_what_was_answered() -> None:
    decided = Counter().take(bet("b1", 5))

    row = only_row(decided)
    assert (row.reply_status, row.reply) == (decided.answer.status, decided.answer.body)
    assert b"b1" in row.body


def test_a_bet_of_one_cent_too_many_is_declined_and_takes_its_place() -> None:
    counter = Counter(balance=1000)

    decided = counter.take(bet("b1", 1001))

    row = only_row(decided)
    assert decided.verdict is Verdict.DECLINED_FUNDS
    assert moved(row) == (0, 0, 0, 1000, 1)
    assert (row.decision, row.reason) == ("declined", "declined_funds")
    assert told(decided)["transaction"] is None
    assert counter.wallets[1].turnover == 0


def test_a_declined_bet_stays_declined_after_a_deposit() -> None:
    counter = Counter(balance=0)
    first = counter.take(bet("b1", 10))
    counter.take(deposit("d1", 500))

    again = counter.take(bet("b1", 10))

    assert again.verdict is Verdict.REPEATED
    assert again.answer == first.answer
    assert counter.balance == 500


def test_a_bet_of_a_blocked_player_is_declined_whatever_the_funds() -> None:
    decided = Counter(blocked=True).take(bet("b1", 1))

    row = only_row(decided)
    assert decided.verdict is Verdict.DECLINED_BLOCKED
    assert moved(row) == (0, 0, 0, 1000, 1)
    assert (row.decision, row.reason) == ("declined", "declined_blocked")


@pytest.mark.parametrize("owed", [0, -300])
def test_a_bet_of_nothing_needs_no_funds(owed: int) -> None:
    decided = Counter(balance=owed, blocked=True).take(bet("b1", 0))

    assert decided.verdict is Verdict.ACCEPTED
    assert moved(only_row(decided)) == (0, 0, 0, owed, 1)


def test_a_repeat_gets_the_stored_answer_and_moves_nothing() -> None:
    counter = Counter()
    first = counter.take(bet("b1", 100))
    counter.take(bet("b2", 50))

    again = counter.take(bet("b1", 100))

    assert again.verdict is Verdict.REPEATED
    assert again.answer == first.answer
    assert (again.operations, again.wallet, again.changes) == ((), None, {})
    assert again.delivery is not None
    assert (again.delivery.verdict, again.delivery.op_key) == ("repeated", "b1")
    assert (again.delivery.provider, again.delivery.reply) == (SLUG, first.answer.body)
    assert counter.balance == 850


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
    counter = Counter()
    counter.take(bet("k", 100))

    decided = counter.take(changed)

    assert decided.verdict is Verdict.CONFLICT
    assert decided.operations == ()
    assert decided.delivery is not None
    assert decided.delivery.verdict == "conflict"
    assert (told(decided)["balance"], counter.balance) == (None, 900)


@pytest.mark.parametrize("late", [bet("k", 100), win("k", 100), bet_and_win("k", 100, 5)])
def test_what_was_rolled_back_before_it_came_never_moves(late: Operation) -> None:
    counter = Counter()
    counter.take(rollback("u1", "k"))

    decided = counter.take_all(late, late)

    assert decided.verdict is Verdict.ROLLED_BACK
    assert decided.operations == ()
    assert decided.delivery is not None
    assert decided.delivery.verdict == "rolled_back"
    assert counter.balance == 1000


def test_a_win_of_a_known_bet_is_paid() -> None:
    counter = Counter()
    counter.take(bet("b1", 100))

    decided = counter.take(win("w1", 250, bet_key="b1", stake=100))

    row = only_row(decided)
    assert moved(row) == (0, 250, 250, 1150, 2)
    assert (row.kind, row.refers_to, row.reason) == ("win", "b1", None)
    assert told(decided)["turnover"] == "1.00"


def test_a_win_is_owed_although_it_repeats_another_stake() -> None:
    counter = Counter()
    counter.take(bet("b1", 100))

    decided = counter.take(win("w1", 250, bet_key="b1", stake=99))

    assert (decided.verdict, only_row(decided).reason) == (Verdict.ACCEPTED, "stake_differs")
    assert counter.balance == 1150


def test_a_win_of_an_unknown_bet_is_refused_for_now_where_the_policy_says_so() -> None:
    counter = Counter()

    refused = counter.take(win("w1", 250, bet_key="b1", stake=100), policy=STRICT)
    counter.take(bet("b1", 100))
    paid = counter.take(win("w1", 250, bet_key="b1", stake=100), policy=STRICT)

    assert (refused.verdict, refused.operations) == (Verdict.BET_UNKNOWN, ())
    assert told(refused)["balance"] == "10.00"
    assert paid.verdict is Verdict.ACCEPTED
    assert counter.balance == 1150


def test_a_win_of_an_unknown_bet_is_paid_where_the_policy_says_so() -> None:
    counter = Counter()

    decided = counter.take(win("w1", 250, bet_key="b1", stake=100), policy=LENIENT)

    assert moved(only_row(decided)) == (0, 250, 250, 1250, 1)


def test_a_win_that_names_no_bet_is_paid_under_any_policy() -> None:
    decided = Counter().take(win("w1", 250), policy=STRICT)

    row = only_row(decided)
    assert (decided.verdict, row.refers_to, row.payout) == (Verdict.ACCEPTED, None, 250)


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [(STRICT, Verdict.BET_UNKNOWN), (LENIENT, Verdict.ACCEPTED)],
    ids=["strict", "lenient"],
)
def test_a_win_of_a_declined_bet_counts_as_one_of_an_unknown_bet(
    policy: Policy, verdict: Verdict
) -> None:
    counter = Counter(balance=0)
    counter.take(bet("b1", 100), policy=policy)

    decided = counter.take(win("w1", 250, bet_key="b1"), policy=policy)

    assert decided.verdict is verdict


@pytest.mark.parametrize("policy", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_win_of_a_rolled_back_bet_is_refused(policy: Policy) -> None:
    counter = Counter()
    counter.take_all(bet("b1", 100), rollback("u1", "b1"), policy=policy)

    decided = counter.take(win("w1", 250, bet_key="b1"), policy=policy)

    assert (decided.verdict, decided.operations) == (Verdict.ROLLED_BACK, ())
    assert counter.balance == 1000


def test_a_win_of_a_bet_that_was_rolled_back_unseen_is_refused() -> None:
    counter = Counter()
    counter.take(rollback("u1", "b1"))

    decided = counter.take(win("w1", 250, bet_key="b1"), policy=LENIENT)

    assert decided.verdict is Verdict.ROLLED_BACK


def test_a_win_of_another_players_bet_is_a_conflict() -> None:
    counter = Counter()
    counter.take(bet("b1", 100, handle="bob"))

    decided = counter.take(win("w1", 250, bet_key="b1"), policy=LENIENT)

    assert (decided.verdict, decided.operations) == (Verdict.CONFLICT, ())


@pytest.mark.parametrize("fact", [win("w1", 70), rollback("u1", "b1")])
def test_wins_and_rollbacks_of_a_blocked_player_are_taken(fact: Operation) -> None:
    counter = Counter()
    counter.take_all(bet("b1", 70), set_blocked("x1", blocked=True))

    decided = counter.take(fact)

    assert (decided.verdict, counter.balance) == (Verdict.ACCEPTED, 1000)


def test_bet_and_win_moves_both_as_one() -> None:
    decided = Counter().take(bet_and_win("k", 1000, 300))

    row = only_row(decided)
    assert moved(row) == (1000, 300, -700, 300, 1)
    assert row.kind == "bet_and_win"
    assert told(decided)["turnover"] == "10.00"


def test_the_win_of_a_bet_and_win_does_not_pay_its_own_bet() -> None:
    decided = Counter(balance=1000).take(bet_and_win("k", 1001, 5000))

    assert decided.verdict is Verdict.DECLINED_FUNDS
    assert moved(only_row(decided)) == (0, 0, 0, 1000, 1)


def test_bet_and_win_of_a_blocked_player_is_declined() -> None:
    decided = Counter(blocked=True).take(bet_and_win("k", 1, 5000))

    assert decided.verdict is Verdict.DECLINED_BLOCKED


def test_the_end_of_a_known_round_moves_nothing_and_keeps_the_totals() -> None:
    counter = Counter()
    counter.take(bet("b1", 100))

    row = only_row(counter.take(round_end("e1", of="b1", staked=100, paid=40)))

    assert moved(row) == (0, 0, 0, 900, 2)
    assert (row.kind, row.refers_to, row.reason) == ("round_end", "b1", None)
    assert (row.declared_stake, row.declared_payout, row.ends_round) == (100, 40, True)


def test_the_end_of_a_round_with_another_stake_says_so() -> None:
    counter = Counter()
    counter.take(bet("b1", 100))

    row = only_row(counter.take(round_end("e1", of="b1", staked=90)))

    assert (row.reason, row.declared_stake) == ("stake_differs", 90)


def test_the_end_of_an_unknown_round_keeps_its_late_bet_out() -> None:
    counter = Counter()

    end = counter.take(round_end("e1", of="b1", staked=100))
    late = counter.take(bet("b1", 100))

    row, stone = end.operations
    assert (row.reason, row.wallet_seq, row.ends_round) == ("bet_unknown", 1, True)
    assert (stone.kind, stone.op_key, stone.wallet_seq) == ("tombstone", "b1", 2)
    assert (stone.declared_stake, stone.ends_round) == (None, False)
    assert end.wallet is not None
    assert end.wallet.seq == 2
    assert late.verdict is Verdict.ROLLED_BACK
    assert counter.balance == 1000


def test_the_end_of_another_players_round_is_a_conflict() -> None:
    counter = Counter()
    counter.take(bet("b1", 100, handle="bob"))

    decided = counter.take(round_end("e1", of="b1", staked=100))

    assert (decided.verdict, decided.operations) == (Verdict.CONFLICT, ())


def test_a_win_after_the_end_of_its_round_is_still_paid() -> None:
    counter = Counter()
    counter.take_all(bet("b1", 100), round_end("e1", of="b1", staked=100))

    decided = counter.take(win("w1", 30, bet_key="b1", stake=100))

    assert (decided.verdict, counter.balance) == (Verdict.ACCEPTED, 930)


def test_where_each_operation_is_a_round_every_operation_ends_it() -> None:
    counter = Counter()

    taken = [
        counter.take(bet("b1", 1), policy=LENIENT),
        counter.take(win("w1", 1), policy=LENIENT),
    ]

    assert [only_row(decided).ends_round for decided in taken] == [True, True]
