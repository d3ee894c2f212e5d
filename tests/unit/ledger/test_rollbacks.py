"""The decision table, row by row: rollbacks and their tombstones."""

from dataclasses import replace

import pytest

from ledger.accepting.model import OperationRow
from ledger.enums import OperationKind
from providers.contract import LedgerPolicy
from tests.harness.books.ledger import (
    LENIENT,
    SLUG,
    STRICT,
    MemoryLedger,
    bet,
    bet_and_win,
    rollback,
    round_end,
    set_blocked,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict

#: A rollback that states less than its original moves what it states.
STATED = replace(STRICT, rollback_moves_stated=True)


def amounts(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def test_a_rolled_back_bet_is_returned_to_the_player_and_leaves_the_turnover() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 400))

    decision = ledger.decide(rollback("u1", "b1", minor=400))

    (row,) = decision.operations
    assert decision.verdict is Verdict.ACCEPTED
    assert amounts(row) == (-400, 0, 400, 1000, 2)
    assert (row.kind, row.refers_to, row.reverses) == ("rollback", "b1", "b1")
    assert (row.round_id, row.reason) == ("r1", None)
    assert ledger.wallets[1].turnover == 0
    assert ledger.operations[SLUG, "b1"].reversed


def test_a_rolled_back_win_is_taken_back_even_if_it_was_spent() -> None:
    ledger = MemoryLedger(balance=0)
    ledger.decide_all(win("w1", 300), bet("b1", 250))

    (row,) = ledger.decide(rollback("u1", "w1")).operations

    assert amounts(row) == (0, -300, -300, -250, 3)
    assert row.reverses == "w1"


@pytest.mark.parametrize(
    ("original", "declared"), [(bet("o1", 0), (-40, None)), (win("o1", 0), (None, -40))]
)
def test_what_a_rollback_states_of_a_zero_original_is_declared_on_its_side(
    original: Operation, declared: tuple[int | None, int | None]
) -> None:
    """The provider gave 40 back, or took 40: the round lacks that much of either."""
    ledger = MemoryLedger()
    ledger.decide(original, policy=LENIENT)

    (row,) = ledger.decide(rollback("u1", "o1", minor=40), policy=LENIENT).operations

    assert row.amount == 0
    assert (row.declared_stake, row.declared_payout) == declared


def test_a_player_who_owes_cannot_bet_but_can_win() -> None:
    ledger = MemoryLedger(balance=0)
    ledger.decide_all(win("w1", 300), bet("b1", 250), rollback("u1", "w1"))

    bets = ledger.decide(bet("b2", 1))
    wins = ledger.decide(win("w2", 300))

    assert (bets.verdict, wins.verdict) == (Verdict.DECLINED_FUNDS, Verdict.ACCEPTED)
    assert ledger.balance == 50


def test_both_sides_of_a_bet_and_win_are_undone() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet_and_win("k", 400, 150))

    (row,) = ledger.decide(rollback("u1", "k")).operations

    assert amounts(row) == (-400, -150, 250, 1000, 2)


@pytest.mark.parametrize("policy", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_second_rollback_of_one_original_succeeds_and_moves_nothing(
    policy: LedgerPolicy,
) -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 400), rollback("u1", "b1"), policy=policy)

    decision = ledger.decide(rollback("u2", "b1"), policy=policy)

    (row,) = decision.operations
    assert decision.verdict is Verdict.ACCEPTED
    assert amounts(row) == (0, 0, 0, 1000, 3)
    assert (row.reason, row.refers_to, row.reverses) == ("already_rolled_back", "b1", None)
    assert row.round_id == "r1"


def test_a_repeated_rollback_gets_its_stored_answer() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 400))
    first = ledger.decide(rollback("u1", "b1"))

    again = ledger.decide(rollback("u1", "b1"))

    assert (again.verdict, again.reply) == (Verdict.REPEATED, first.reply)


def test_a_rollback_of_a_declined_bet_succeeds_and_moves_nothing() -> None:
    ledger = MemoryLedger(balance=10)
    ledger.decide(bet("b1", 400))

    decision = ledger.decide(rollback("u1", "b1"))

    (row,) = decision.operations
    assert (decision.verdict, row.reason) == (Verdict.ACCEPTED, "original_declined")
    assert amounts(row) == (0, 0, 0, 10, 2)
    assert row.reverses is None


def test_a_rollback_of_an_unknown_operation_occupies_its_key() -> None:
    ledger = MemoryLedger()

    decision = ledger.decide(rollback("u1", "b1", minor=400), policy=LENIENT)

    row, tombstone = decision.operations
    assert decision.verdict is Verdict.ACCEPTED
    assert amounts(row) == (0, 0, 0, 1000, 1)
    assert (row.reason, row.reverses, row.round_id) == ("original_unknown", None, "r9")
    assert amounts(tombstone) == (0, 0, 0, 1000, 2)
    assert (tombstone.kind, tombstone.op_key, tombstone.refers_to) == ("tombstone", "b1", "u1")
    assert (row.ends_round, tombstone.ends_round) == (True, False)
    assert (tombstone.provider, tombstone.decision) == (SLUG, "accepted")
    assert ledger.wallets[1].seq == 2
    assert ledger.operations[SLUG, "b1"].kind is OperationKind.TOMBSTONE


def test_a_rollback_of_a_tombstone_succeeds_without_another_one() -> None:
    ledger = MemoryLedger()
    ledger.decide(rollback("u1", "b1"))

    (row,) = ledger.decide(rollback("u2", "b1")).operations

    assert (row.reason, row.wallet_seq) == ("already_rolled_back", 3)


@pytest.mark.parametrize(
    "original",
    [rollback("k", "b1"), round_end("k", of="b1", staked=400)],
    ids=["rollback", "round end"],
)
def test_a_rollback_of_a_rollback_or_round_end_follows_the_policy(original: Operation) -> None:
    strict, lenient = MemoryLedger(), MemoryLedger()
    strict.decide_all(bet("b1", 400), original)
    lenient.decide_all(bet("b1", 400), original)
    before = strict.balance

    refused = strict.decide(rollback("u2", "k"), policy=STRICT)
    accepted = lenient.decide(rollback("u2", "k"), policy=LENIENT)

    assert (refused.verdict, refused.operations) == (Verdict.IRREVERSIBLE, ())
    (row,) = accepted.operations
    assert (accepted.verdict, row.reason) == (Verdict.ACCEPTED, "irreversible")
    assert (row.amount, row.reverses) == (0, None)
    assert strict.balance == lenient.balance == before


@pytest.mark.parametrize("original", [bet("k", 400), win("k", 400)], ids=["bet", "win"])
def test_a_rollback_moves_the_amount_of_its_original_whatever_it_states(
    original: Operation,
) -> None:
    ledger = MemoryLedger()
    ledger.decide(original)

    (row,) = ledger.decide(rollback("u1", "k", minor=399)).operations

    assert (row.reason, row.reverses) == ("amount_differs", "k")
    assert ledger.balance == 1000


@pytest.mark.parametrize("stated", [399, 401, 0])
@pytest.mark.parametrize(
    ("original", "side"), [(bet("k", 400), "stake"), (win("k", 400), "payout")]
)
def test_a_rollback_of_another_amount_declares_what_it_leaves(
    original: Operation, side: str, stated: int
) -> None:
    ledger = MemoryLedger()
    ledger.decide(original)

    (row,) = ledger.decide(rollback("u1", "k", minor=stated)).operations

    declared = {"stake": row.declared_stake, "payout": row.declared_payout}
    assert declared.pop(side) == 400 - stated
    assert list(declared.values()) == [None]


@pytest.mark.parametrize("original", [bet("k", 400), win("k", 400)], ids=["bet", "win"])
def test_a_rollback_for_less_moves_what_it_states_where_the_provider_has_that_rule(
    original: Operation,
) -> None:
    ledger = MemoryLedger()
    before = ledger.balance
    ledger.decide(original)
    moved = ledger.balance - before

    (row,) = ledger.decide(rollback("u1", "k", minor=150), policy=STATED).operations

    assert row.amount == (150 if moved < 0 else -150)
    assert (row.reason, row.reverses) == ("amount_differs", "k")
    assert (row.declared_stake, row.declared_payout) == (None, None)
    (again,) = ledger.decide(rollback("u2", "k", minor=250), policy=STATED).operations
    assert (again.amount, again.reason) == (0, "already_rolled_back")


def test_a_rollback_for_more_moves_its_original_under_either_rule() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("k", 400))

    (row,) = ledger.decide(rollback("u1", "k", minor=500), policy=STATED).operations

    assert (row.amount, row.declared_stake) == (400, -100)
    assert ledger.balance == 1000


def test_a_rollback_of_another_players_bet_is_a_conflict() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 400, handle="bob"))

    decision = ledger.decide(rollback("u1", "b1"))

    assert (decision.verdict, decision.operations) == (Verdict.CONFLICT, ())
    assert (ledger.balance, ledger.wallets[2].balance) == (1000, 600)


def test_a_tombstone_belongs_to_the_player_of_its_rollback() -> None:
    ledger = MemoryLedger()
    ledger.decide(rollback("u1", "b1"))

    decision = ledger.decide(rollback("u2", "b1", handle="bob"))

    assert decision.verdict is Verdict.CONFLICT


def test_a_rollback_of_a_blocked_player_gives_the_money_back() -> None:
    ledger = MemoryLedger()
    ledger.decide_all(bet("b1", 400), set_blocked("x1", blocked=True))

    decision = ledger.decide(rollback("u1", "b1"))

    assert (decision.verdict, ledger.balance) == (Verdict.ACCEPTED, 1000)


def test_two_rollbacks_of_each_other_move_nothing() -> None:
    """The second is booked beside the first one's tombstone."""
    ledger = MemoryLedger()

    verdicts = [
        ledger.decide(fact, policy=LENIENT).verdict
        for fact in (rollback("u1", "u2"), rollback("u2", "u1"))
    ]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert ledger.balance == 1000
