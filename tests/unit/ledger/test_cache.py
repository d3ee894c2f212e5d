"""The cache drops operations of a wallet to which another receiver has written."""

from msgspec.structs import replace

from ledger.accepting.cache import LedgerCache, has_unguarded_refusal, read_set_of
from tests.harness.books.ledger import (
    SLUG,
    MemoryLedger,
    balance_query,
    bet,
    request,
    rollback,
    win,
)
from vocabulary.facts import Operation

ANN = {(SLUG, "ann"): {"EUR": 1}}
READ_SET = read_set_of([request(win("w1", 5, bet_key="b1"))])


def cache_after_a_bet() -> tuple[MemoryLedger, LedgerCache]:
    """Ledger and cache of a receiver that read ann's wallet and accepted her bet."""
    ledger, cache = MemoryLedger(), LedgerCache()
    cache.store_read(ANN, {1: ledger.wallets[1]}, {})
    cache.store_decisions([ledger.decide(bet("b1", 5))])
    return ledger, cache


def test_an_unchanged_wallet_keeps_its_cached_operations() -> None:
    ledger, cache = cache_after_a_bet()

    cache.store_read(ANN, {1: ledger.wallets[1]}, {})

    assert cache.missing(READ_SET, fresh=False) == ([], [])


def test_operations_of_a_wallet_another_receiver_changed_are_read_again() -> None:
    ledger, cache = cache_after_a_bet()
    changed = replace(ledger.wallets[1], seq=ledger.wallets[1].seq + 1)

    cache.store_read(ANN, {1: changed}, {})

    assert cache.missing(READ_SET, fresh=False) == ([], [(SLUG, "b1")])


def test_operations_read_with_the_changed_wallet_are_cached() -> None:
    ledger, cache = cache_after_a_bet()
    changed = replace(ledger.wallets[1], seq=ledger.wallets[1].seq + 1)

    cache.store_read(ANN, {1: changed}, ledger.operations)

    assert cache.missing(READ_SET, fresh=False) == ([], [])


def test_only_a_refusal_without_a_chain_position_is_unguarded() -> None:
    ledger = MemoryLedger()
    facts: list[Operation] = [bet("b1", 5), bet("b1", 5), rollback("u1", "b1")]

    assert not has_unguarded_refusal(
        [ledger.decide(fact) for fact in facts], [request(fact) for fact in facts]
    )
    assert not has_unguarded_refusal(
        [ledger.decide(balance_query())], [request(balance_query())]
    )

    refused = win("w1", 5, bet_key="b1")
    assert has_unguarded_refusal([ledger.decide(refused)], [request(refused)])


def test_referenced_operations_are_read_again_with_their_wallet() -> None:
    _, cache = cache_after_a_bet()
    read_set = read_set_of([request(balance_query()), request(win("w1", 5, bet_key="b1"))])

    assert cache.missing(read_set, fresh=False) == ([(SLUG, "ann")], [(SLUG, "b1")])


def test_a_name_is_read_until_an_operation_came_under_it() -> None:
    """Until then it may become another player's handle."""
    ledger, cache = MemoryLedger(), LedgerCache()
    read_set = read_set_of([request(bet("b1", 5))])
    cache.store_read(ANN, {1: ledger.wallets[1]}, {})
    cache.store_decisions([ledger.decide(win("w1", 5, bet_key="b0"))])  # refused, books nothing

    assert cache.missing(read_set, fresh=False) == ([(SLUG, "ann")], [])
    cache.store_decisions([ledger.decide(bet("b1", 5))])
    assert cache.missing(read_set, fresh=False) == ([], [])
