"""A round end books its implied operations under the keys that late originals have."""

import pytest
from msgspec.structs import replace

from ledger.accepting.cache import read_set_of
from ledger.accepting.decide import decide_batch
from tests.harness.books.ledger import SLUG, MemoryLedger, bet, request, round_end, win
from vocabulary.facts import Bet, RoundEnd, Win
from vocabulary.outcomes import Verdict

BET = bet("bet:r1", 100)
WIN = win("settle:r1", 250, bet_key="bet:r1", stake=100)


def end_with(*implied: Bet | Win) -> RoundEnd:
    end = round_end("end:r1", of="bet:r1", staked=100, paid=250)
    return replace(end, implied=implied or (BET, WIN))


def test_an_unknown_bet_and_win_are_booked_before_the_round_ends() -> None:
    ledger = MemoryLedger(balance=1000)

    decision = ledger.decide(end_with())

    assert decision.verdict is Verdict.ACCEPTED
    assert [(row.op_key, row.amount, row.wallet_seq) for row in decision.operations] == [
        ("bet:r1", -100, 1),
        ("settle:r1", 250, 2),
        ("end:r1", 0, 3),
    ]
    assert ledger.wallets[1].balance == 1150
    assert b'"balance": "11.50"' in decision.reply.body


@pytest.mark.parametrize("late", [BET, WIN])
def test_a_late_original_is_then_a_repeat(late: Bet | Win) -> None:
    ledger = MemoryLedger(balance=1000)
    ledger.decide(end_with())

    decision = ledger.decide(late)

    assert decision.verdict is Verdict.REPEATED
    assert ledger.wallets[1].balance == 1150


def test_a_late_original_with_another_amount_is_a_conflict() -> None:
    ledger = MemoryLedger(balance=1000)
    ledger.decide(end_with())

    assert ledger.decide(bet("bet:r1", 101)).verdict is Verdict.CONFLICT


def test_a_known_bet_is_not_booked_again() -> None:
    ledger = MemoryLedger(balance=1000)
    ledger.decide(BET)

    decision = ledger.decide(end_with())

    assert [row.op_key for row in decision.operations] == ["settle:r1", "end:r1"]
    assert ledger.wallets[1].balance == 1150


def test_a_repeated_round_end_moves_nothing() -> None:
    ledger = MemoryLedger(balance=1000)
    first = ledger.decide(end_with())

    again = ledger.decide(end_with())

    assert again.verdict is Verdict.REPEATED
    assert again.reply == first.reply
    assert ledger.wallets[1].balance == 1150


def test_an_implied_bet_the_wallet_cannot_cover_is_declined_and_its_win_not_paid() -> None:
    ledger = MemoryLedger(balance=50)

    decision = ledger.decide(end_with())

    assert [(row.op_key, row.decision) for row in decision.operations] == [
        ("bet:r1", "declined"),
        ("end:r1", "accepted"),
    ]
    assert ledger.wallets[1].balance == 50


def test_an_unknown_player_books_nothing() -> None:
    end = replace(end_with(), handle="eve")
    implied = tuple(replace(operation, handle="eve") for operation in end.implied)

    decision = MemoryLedger().decide(replace(end, implied=implied))

    assert decision.verdict is Verdict.PLAYER_UNKNOWN
    assert decision.operations == ()


def test_implied_keys_are_read_before_deciding() -> None:
    read_set = read_set_of([request(end_with())])

    assert read_set.referenced_keys == {(SLUG, "bet:r1"), (SLUG, "settle:r1")}


def test_later_requests_of_a_batch_see_what_a_round_end_booked() -> None:
    view = MemoryLedger(balance=1000).view

    verdicts = [d.verdict for d in decide_batch(view, [request(end_with()), request(BET)])]

    assert verdicts == [Verdict.ACCEPTED, Verdict.REPEATED]
