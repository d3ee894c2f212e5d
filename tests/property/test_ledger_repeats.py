"""Laws of deciding: what stands is repeated, and how requests are batched does not matter."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.accepting.decide import decide, decide_batch
from ledger.accepting.model import Decision, LedgerView, Request, Wallet
from ledger.accepting.own_operations import (
    OwnOperation,
    own_operation_bytes,
    own_operation_fingerprint,
    own_operation_from_bytes,
)
from providers.contract import Policy
from tests.harness.books.ledger import NOON, MemoryLedger, request
from tests.property.ledger_strategies import (
    FACTS,
    OPERATIONS,
    ORDERS_OF_ALL_KINDS,
    POLICIES,
    Told,
)
from vocabulary.outcomes import Verdict

HOURS = st.integers(-14, 14)


def after(books: LedgerView, decision: Iterable[Decision]) -> LedgerView:
    """The books once decisions are committed."""
    wallets, operations = dict(books.wallets), dict(books.operations)
    for one in decision:
        if one.wallet is not None:
            wallets[one.wallet.wallet_id] = one.wallet
            operations.update(one.changes)
    return LedgerView(wallets, books.players, operations)


def told(facts: Sequence[Told], policy: Policy) -> list[Request]:
    return [request(fact, policy=policy) for fact in facts]


@given(facts=FACTS, policy=POLICIES)
def test_every_fact_gets_a_decision_and_an_answer(facts: list[Told], policy: Policy) -> None:
    for one in decide_batch(MemoryLedger().view, told(facts, policy)):
        assert one.verdict is not Verdict.UNAVAILABLE
        assert one.answer.body
        assert (one.wallet is None) == (not one.operations)
        assert (one.delivery is None) == bool(one.operations)


@given(facts=FACTS, policy=POLICIES)
def test_whatever_stands_is_answered_again_word_for_word(
    facts: list[Told], policy: Policy
) -> None:
    requests = told(facts, policy)
    books = MemoryLedger().view
    decision = decide_batch(books, requests)
    standing = after(books, decision)

    for asked, first in zip(requests, decision, strict=True):
        if first.operations:
            again = decide(standing, asked)
            assert again.verdict is Verdict.REPEATED
            assert again.answer == first.answer
            assert again.operations == ()


@given(facts=FACTS, policy=POLICIES, data=st.data())
def test_how_requests_are_cut_into_batches_does_not_matter(
    facts: list[Told], policy: Policy, data: st.DataObject
) -> None:
    requests = told(facts, policy)
    cut = data.draw(st.integers(0, len(requests)))
    books = MemoryLedger().view

    first = decide_batch(books, requests[:cut])
    second = decide_batch(after(books, first), requests[cut:])

    assert [*first, *second] == decide_batch(books, requests)


@given(facts=FACTS, policy=POLICIES)
def test_deciding_changes_nothing_it_is_given(facts: list[Told], policy: Policy) -> None:
    books = MemoryLedger().view
    before = (dict(books.wallets), dict(books.operations))

    decide_batch(books, told(facts, policy))

    assert (books.wallets, books.operations) == before


@given(said=st.lists(st.tuples(OPERATIONS, HOURS), max_size=30), policy=POLICIES)
def test_a_days_counters_never_fall_below_nothing_whatever_the_clocks_say(
    said: list[tuple[Told, int]], policy: Policy
) -> None:
    requests = [
        replace(asked, received_at=NOON + timedelta(hours=hours))
        for asked, (_, hours) in zip(told([one for one, _ in said], policy), said, strict=True)
    ]
    wallets: list[Wallet] = [
        one.wallet
        for one in decide_batch(MemoryLedger().view, requests)
        if one.wallet is not None
    ]

    assert all(wallet.day_stake >= 0 for wallet in wallets)
    assert all(wallet.day_payout >= 0 for wallet in wallets)


@given(one=ORDERS_OF_ALL_KINDS, other=ORDERS_OF_ALL_KINDS)
def test_orders_have_equal_fingerprints_exactly_when_they_ask_the_same(
    one: OwnOperation, other: OwnOperation
) -> None:
    same = own_operation_fingerprint(one) == own_operation_fingerprint(other)

    assert same is (one == other)


@given(order=ORDERS_OF_ALL_KINDS)
def test_an_order_is_read_back_from_its_evidence(order: OwnOperation) -> None:
    assert own_operation_from_bytes(own_operation_bytes(order)) == order
