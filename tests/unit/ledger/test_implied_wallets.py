"""A round end that books what never arrived, under the keys the late originals will have."""

from dataclasses import replace

import pytest

from ledger.accepting.cache import read_set_of
from ledger.accepting.decide import decide_batch
from tests.harness.books.ledger import SLUG, Counter, bet, request, round_end, win
from vocabulary.facts import Bet, RoundEnd, Win
from vocabulary.outcomes import Verdict

BET = bet("bet:r1", 100)
WIN = win("settle:r1", 250, bet_key="bet:r1", stake=100)


def applying(*implied: Bet | Win) -> RoundEnd:
    end = round_end("end:r1", of="bet:r1", staked=100, paid=250)
    return replace(end, implied=implied or (BET, WIN))


def test_a_bet_and_a_win_never_seen_are_booked_before_the_round_ends() -> None:
    counter = Counter(balance=1000)

    decided = counter.take(applying())

    assert decided.verdict is Verdict.ACCEPTED
    assert [(row.op_key, row.amount, row.wallet_seq) for row in decided.operations] == [
        ("bet:r1", -100, 1),
        ("settle:r1", 250, 2),
        ("end:r1", 0, 3),
    ]
    assert counter.wallets[1].balance == 1150
    assert b'"balance": "11.50"' in decided.answer.body


@pytest.mark.parametrize("late", [BET, WIN])
def test_a_late_original_is_then_a_repeat(late: Bet | Win) -> None:
    counter = Counter(balance=1000)
    counter.take(applying())

    decided = counter.take(late)

    assert decided.verdict is Verdict.REPEATED
    assert counter.wallets[1].balance == 1150


def test_a_late_original_with_another_amount_is_a_conflict() -> None:
    counter = Counter(balance=1000)
    counter.take(applying())

    assert counter.take(bet("bet:r1", 101)).verdict is Verdict.CONFLICT


def test_what_was_seen_is_not_booked_again() -> None:
    counter = Counter(balance=1000)
    counter.take(BET)

    decided = counter.take(applying())

    assert [row.op_key for row in decided.operations] == ["settle:r1", "end:r1"]
    assert counter.wallets[1].balance == 1150


def test_a_repeated_round_end_moves_nothing() -> None:
    counter = Counter(balance=1000)
    first = counter.take(applying())

    again = counter.take(applying())

    assert again.verdict is Verdict.REPEATED
    assert again.answer == first.answer
    assert counter.wallets[1].balance == 1150


def test_an_implied_bet_the_wallet_cannot_cover_is_declined_and_its_win_not_paid() -> None:
    counter = Counter(balance=50)

    decided = counter.take(applying())

    assert [(row.op_key, row.decision) for row in decided.operations] == [
        ("bet:r1", "declined"),
        ("end:r1", "accepted"),
    ]
    assert counter.wallets[1].balance == 50


def test_an_unknown_player_books_nothing() -> None:
    end = replace(applying(), handle="eve")
    implied = tuple(replace(one, handle="eve") for one in end.implied)

    decided = Counter().take(replace(end, implied=implied))

    assert decided.verdict is Verdict.PLAYER_UNKNOWN
    assert decided.operations == ()


def test_implied_keys_are_looked_up_before_deciding() -> None:
    needs = read_set_of([request(applying())])

    assert needs.referenced_keys == {(SLUG, "bet:r1"), (SLUG, "settle:r1")}


def test_a_batch_learns_what_a_round_end_booked() -> None:
    books = Counter(balance=1000).books

    verdicts = [d.verdict for d in decide_batch(books, [request(applying()), request(BET)])]

    assert verdicts == [Verdict.ACCEPTED, Verdict.REPEATED]
