"""A batch is decided as if its requests had come one by one; the given view stays as it is."""

import copy

from ledger.accepting.cache import HANDLES_MAX, OPERATIONS_MAX, LedgerCache, read_set_of
from ledger.accepting.decide import decide_batch
from ledger.accepting.effects import currency_of
from ledger.accepting.late_operations import late_key
from ledger.accepting.model import LedgerView
from tests.harness.books.ledger import (
    SLUG,
    MemoryLedger,
    balance_query,
    bet,
    deposit,
    history,
    request,
    rollback,
    round_end,
    set_blocked,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict

STORY: tuple[Operation, ...] = (
    bet("b1", 600),
    bet("b2", 600),
    bet("b1", 600),
    win("w1", 500, bet_key="b1", stake=600),
    rollback("u1", "b3"),
    bet("b3", 100),
    bet("b4", 100, handle="bob"),
    rollback("u2", "b1"),
    rollback("u3", "b1"),
    win("w2", 500, bet_key="b1"),
    round_end("e1", of="b9", staked=5),
    bet("b9", 5),
    win("w1", 501, bet_key="b1", stake=600),
    bet("b1", 600, handle="bob"),
)


def test_a_batch_equals_deciding_one_by_one() -> None:
    requests = [request(fact) for fact in STORY]
    ledger = MemoryLedger()

    one_by_one = [ledger.decide(fact) for fact in STORY]

    assert decide_batch(MemoryLedger().view, requests) == one_by_one


def test_the_given_view_is_not_changed() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b0", 10))
    view = ledger.view
    before = copy.deepcopy((view.wallets, view.players, view.operations))

    decide_batch(view, [request(fact) for fact in STORY])

    assert (view.wallets, view.players, view.operations) == before


def test_funds_are_spent_once_within_a_batch() -> None:
    requests = [request(bet(f"b{n}", 400)) for n in range(4)]

    verdicts = [d.verdict for d in decide_batch(MemoryLedger(balance=1000).view, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED] + [Verdict.DECLINED_FUNDS] * 2


def test_a_block_applies_to_later_bets_of_the_same_batch() -> None:
    requests = [request(set_blocked("x1", blocked=True)), request(bet("b1", 1))]

    verdicts = [d.verdict for d in decide_batch(MemoryLedger().view, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.DECLINED_BLOCKED]


def test_the_same_key_of_two_providers_is_two_operations() -> None:
    ledger = MemoryLedger()
    players = {**ledger.players, ("other", "ann"): {"EUR": 1}}
    view = LedgerView(ledger.wallets, players, {})
    requests = [request(bet("b1", 10)), request(bet("b1", 10), provider="other")]

    verdicts = [d.verdict for d in decide_batch(view, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]


def test_the_currency_of_every_fact_is_its_wallets() -> None:
    facts = (*STORY, balance_query(), deposit("d1", 1), set_blocked("x1", blocked=True))

    assert {currency_of(fact) for fact in facts} == {"EUR"}


def test_the_read_set_holds_the_own_and_referenced_keys_of_operations_only() -> None:
    facts = (bet("b1", 1), win("w1", 1, bet_key="b2"), rollback("u1", "b3"))
    deciding = [request(fact) for fact in (*facts, round_end("e1", of="b4", staked=1))]
    others = [request(None), request(history("h1")), request(balance_query("bob"))]

    read_set = read_set_of([*deciding, *others])

    assert read_set.wallets == {(SLUG, "ann", "EUR"), (SLUG, "bob", "EUR")}
    assert read_set.uncached == {(SLUG, "bob")}
    late_keys = (late_key("u1"), late_key("e1"))
    assert read_set.own_keys == {(SLUG, key) for key in ("b1", "w1", "u1", "e1", *late_keys)}
    assert read_set.referenced_keys == {(SLUG, key) for key in ("b2", "b3", "b4")}


def cache_after(*facts: Operation) -> LedgerCache:
    """The cache of a receiver that committed the facts."""
    ledger = MemoryLedger()
    cache = LedgerCache()
    ann = {(SLUG, "ann"): {"EUR": 1}}
    cache.store_read(ann, {1: ledger.wallets[1]}, {})
    cache.store_decisions(ledger.decide(fact) for fact in facts)
    return cache


def test_cached_operations_are_not_read_again() -> None:
    read_set = read_set_of([request(rollback("u1", "b1"))])

    assert cache_after(bet("b1", 5)).missing(read_set, fresh=False) == ([], [])


def test_an_absence_is_never_cached() -> None:
    read_set = read_set_of([request(rollback("u1", "b1")), request(bet("b7", 1, handle="bob"))])

    missing = cache_after(bet("b2", 5)).missing(read_set, fresh=False)

    assert missing == ([(SLUG, "bob")], [(SLUG, "b1")])


def test_a_balance_is_always_read() -> None:
    read_set = read_set_of([request(balance_query())])

    assert cache_after(bet("b1", 5)).missing(read_set, fresh=False) == ([(SLUG, "ann")], [])


def test_after_a_lost_race_everything_is_read_again() -> None:
    read_set = read_set_of([request(rollback("u1", "b1")), request(bet("b2", 5))])

    missing = cache_after(bet("b1", 5)).missing(read_set, fresh=True)

    assert missing == (
        [(SLUG, "ann")],
        [(SLUG, key) for key in ("b1", "b2", "u1", late_key("u1"))],
    )


def test_a_reversal_is_cached_with_its_original() -> None:
    cache = cache_after(bet("b1", 5), rollback("u1", "b1"))

    view = cache.view(read_set_of([request(win("w1", 5, bet_key="b1"))]))

    assert (view.wallets[1].balance, view.wallets[1].seq) == (1000, 2)
    assert view.operations[SLUG, "b1"].reversed


def test_too_many_handles_are_dropped_and_read_again() -> None:
    cache = cache_after(bet("b1", 5))
    cache.store_read({(SLUG, f"p{n}"): {"EUR": 1} for n in range(HANDLES_MAX)}, {}, {})

    cache.store_decisions([])

    read_set = read_set_of([request(bet("b2", 5))])
    assert cache.missing(read_set, fresh=False) == ([(SLUG, "ann")], [])
    assert cache.view(read_set).wallets == {}


def test_of_too_many_operations_the_oldest_are_dropped() -> None:
    ledger = MemoryLedger()
    cache = cache_after()
    operation = ledger.decide(bet("b1", 5)).changes[SLUG, "b1"]
    keys = [f"k{n}" for n in range(OPERATIONS_MAX + 1)]
    cache.store_read({}, {}, {(SLUG, key): operation for key in keys})

    cache.store_decisions([])

    ends = read_set_of([request(rollback("u1", keys[0])), request(rollback("u2", keys[-1]))])
    assert cache.missing(ends, fresh=False) == ([], [(SLUG, keys[0])])
