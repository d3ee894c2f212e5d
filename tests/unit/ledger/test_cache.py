"""What a receiver remembers is given up when another has written to the wallet."""

from msgspec.structs import replace

from ledger.accepting.cache import LedgerCache, has_unguarded_refusal, read_set_of
from tests.harness.books.ledger import SLUG, Counter, balance_query, bet, request, rollback, win
from vocabulary.facts import Operation

ANN = {(SLUG, "ann"): {"EUR": 1}}
NEEDS = read_set_of([request(win("w1", 5, bet_key="b1"))])


def after_a_bet() -> tuple[Counter, LedgerCache]:
    """Books and memory of a receiver that read ann's wallet and took her bet."""
    counter, remembered = Counter(), LedgerCache()
    remembered.store_read(ANN, {1: counter.wallets[1]}, {})
    remembered.store_decisions([counter.take(bet("b1", 5))])
    return counter, remembered


def test_a_wallet_found_where_it_was_left_keeps_what_is_remembered_of_it() -> None:
    counter, remembered = after_a_bet()

    remembered.store_read(ANN, {1: counter.wallets[1]}, {})

    assert remembered.missing(NEEDS, fresh=False) == ([], [])


def test_a_wallet_another_has_written_to_has_its_operations_read_again() -> None:
    counter, remembered = after_a_bet()
    moved = replace(counter.wallets[1], seq=counter.wallets[1].seq + 1)

    remembered.store_read(ANN, {1: moved}, {})

    assert remembered.missing(NEEDS, fresh=False) == ([], [(SLUG, "b1")])


def test_what_is_read_with_the_moved_wallet_is_remembered() -> None:
    counter, remembered = after_a_bet()
    moved = replace(counter.wallets[1], seq=counter.wallets[1].seq + 1)

    remembered.store_read(ANN, {1: moved}, counter.operations)

    assert remembered.missing(NEEDS, fresh=False) == ([], [])


def test_only_a_refusal_without_a_place_is_unguarded() -> None:
    counter = Counter()
    asked: list[Operation] = [bet("b1", 5), bet("b1", 5), rollback("u1", "b1")]

    assert not has_unguarded_refusal(
        [counter.take(one) for one in asked], [request(one) for one in asked]
    )
    assert not has_unguarded_refusal(
        [counter.take(balance_query())], [request(balance_query())]
    )

    refused = win("w1", 5, bet_key="b1")
    assert has_unguarded_refusal([counter.take(refused)], [request(refused)])


def test_what_a_batch_names_of_a_wallet_it_reads_is_read_too() -> None:
    _, remembered = after_a_bet()
    needs = read_set_of([request(balance_query()), request(win("w1", 5, bet_key="b1"))])

    assert remembered.missing(needs, fresh=False) == ([(SLUG, "ann")], [(SLUG, "b1")])
