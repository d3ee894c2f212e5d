"""A batch is decided as if its requests had come one by one, and changes no given book."""

import copy

from ledger.accepting.cache import HANDLES_MAX, OPERATIONS_MAX, LedgerCache, read_set_of
from ledger.accepting.decide import decide_batch
from ledger.accepting.effects import currency_of
from ledger.accepting.model import LedgerView
from ledger.accepting.tombstones import late_key
from tests.harness.books.ledger import (
    SLUG,
    Counter,
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
    counter = Counter()

    one_by_one = [counter.take(fact) for fact in STORY]

    assert decide_batch(Counter().books, requests) == one_by_one


def test_the_given_books_are_not_changed() -> None:
    counter = Counter()
    counter.take(bet("b0", 10))
    books = counter.books
    before = copy.deepcopy((books.wallets, books.players, books.operations))

    decide_batch(books, [request(fact) for fact in STORY])

    assert (books.wallets, books.players, books.operations) == before


def test_funds_are_spent_once_within_a_batch() -> None:
    requests = [request(bet(f"b{n}", 400)) for n in range(4)]

    verdicts = [d.verdict for d in decide_batch(Counter(balance=1000).books, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED] + [Verdict.DECLINED_FUNDS] * 2


def test_a_block_holds_for_the_bets_behind_it_in_the_batch() -> None:
    requests = [request(set_blocked("x1", blocked=True)), request(bet("b1", 1))]

    verdicts = [d.verdict for d in decide_batch(Counter().books, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.DECLINED_BLOCKED]


def test_one_key_of_two_providers_is_two_operations() -> None:
    counter = Counter()
    players = {**counter.players, ("other", "ann"): {"EUR": 1}}
    books = LedgerView(counter.wallets, players, {})
    requests = [request(bet("b1", 10)), request(bet("b1", 10), provider="other")]

    verdicts = [d.verdict for d in decide_batch(books, requests)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED]


def test_every_operation_names_the_currency_of_its_wallet() -> None:
    facts = (*STORY, balance_query(), deposit("d1", 1), set_blocked("x1", blocked=True))

    assert {currency_of(fact) for fact in facts} == {"EUR"}


def test_a_batch_needs_what_it_names_and_nothing_for_what_decides_nothing() -> None:
    facts = (bet("b1", 1), win("w1", 1, bet_key="b2"), rollback("u1", "b3"))
    asked = [request(fact) for fact in (*facts, round_end("e1", of="b4", staked=1))]
    aside = [request(None), request(history("h1")), request(balance_query("bob"))]

    needs = read_set_of([*asked, *aside])

    assert needs.wallets == {(SLUG, "ann", "EUR"), (SLUG, "bob", "EUR")}
    assert needs.uncached == {(SLUG, "bob")}
    beside = (late_key("u1"), late_key("e1"))
    assert needs.own_keys == {(SLUG, key) for key in ("b1", "w1", "u1", "e1", *beside)}
    assert needs.referenced_keys == {(SLUG, key) for key in ("b2", "b3", "b4")}


def remembering(*facts: Operation) -> LedgerCache:
    """What a receiver remembers after it committed the facts."""
    counter = Counter()
    remembered = LedgerCache()
    ann = {(SLUG, "ann"): {"EUR": 1}}
    remembered.store_read(ann, {1: counter.wallets[1]}, {})
    remembered.store_decisions(counter.take(fact) for fact in facts)
    return remembered


def test_what_is_remembered_is_not_read_again() -> None:
    needs = read_set_of([request(rollback("u1", "b1"))])

    assert remembering(bet("b1", 5)).missing(needs, fresh=False) == ([], [])


def test_an_absence_is_never_remembered() -> None:
    needs = read_set_of([request(rollback("u1", "b1")), request(bet("b7", 1, handle="bob"))])

    unread = remembering(bet("b2", 5)).missing(needs, fresh=False)

    assert unread == ([(SLUG, "bob")], [(SLUG, "b1")])


def test_a_balance_is_always_read() -> None:
    needs = read_set_of([request(balance_query())])

    assert remembering(bet("b1", 5)).missing(needs, fresh=False) == ([(SLUG, "ann")], [])


def test_after_a_lost_race_everything_is_read_again() -> None:
    needs = read_set_of([request(rollback("u1", "b1")), request(bet("b2", 5))])

    unread = remembering(bet("b1", 5)).missing(needs, fresh=True)

    assert unread == (
        [(SLUG, "ann")],
        [(SLUG, key) for key in ("b1", "b2", "u1", late_key("u1"))],
    )


def test_what_a_batch_changed_is_remembered_with_its_reversal() -> None:
    remembered = remembering(bet("b1", 5), rollback("u1", "b1"))

    books = remembered.view(read_set_of([request(win("w1", 5, bet_key="b1"))]))

    assert (books.wallets[1].balance, books.wallets[1].seq) == (1000, 2)
    assert books.operations[SLUG, "b1"].reversed


def test_more_handles_than_are_kept_are_forgotten_and_read_again() -> None:
    remembered = remembering(bet("b1", 5))
    remembered.store_read({(SLUG, f"p{n}"): {"EUR": 1} for n in range(HANDLES_MAX)}, {}, {})

    remembered.store_decisions([])

    needs = read_set_of([request(bet("b2", 5))])
    assert remembered.missing(needs, fresh=False) == ([(SLUG, "ann")], [])
    assert remembered.view(needs).wallets == {}


def test_of_more_operations_than_are_kept_the_oldest_are_forgotten() -> None:
    counter = Counter()
    remembered = remembering()
    known = counter.take(bet("b1", 5)).changes[SLUG, "b1"]
    keys = [f"k{n}" for n in range(OPERATIONS_MAX + 1)]
    remembered.store_read({}, {}, {(SLUG, key): known for key in keys})

    remembered.store_decisions([])

    ends = read_set_of([request(rollback("u1", keys[0])), request(rollback("u2", keys[-1]))])
    assert remembered.missing(ends, fresh=False) == ([], [(SLUG, keys[0])])
