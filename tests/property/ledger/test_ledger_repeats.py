"""Laws of deciding: booked operations are repeated, and batching does not matter."""

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
from providers.contract import LedgerPolicy
from tests.harness.books.ledger import NOON, MemoryLedger, request
from tests.property.ledger.ledger_strategies import (
    ALL_OWN_OPERATIONS,
    FACTS,
    OPERATIONS,
    POLICIES,
    LedgerFact,
)
from vocabulary.outcomes import Verdict

HOURS = st.integers(-14, 14)


def after(view: LedgerView, decisions: Iterable[Decision]) -> LedgerView:
    """The view after the decisions are committed."""
    wallets, operations = dict(view.wallets), dict(view.operations)
    for decision in decisions:
        if decision.wallet is not None:
            wallets[decision.wallet.wallet_id] = decision.wallet
            operations.update(decision.changes)
    return LedgerView(wallets, view.players, operations)


def requests_of(facts: Sequence[LedgerFact], policy: LedgerPolicy) -> list[Request]:
    return [request(fact, policy=policy) for fact in facts]


@given(facts=FACTS, policy=POLICIES)
def test_every_fact_gets_a_decision_and_an_answer(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    for decision in decide_batch(MemoryLedger().view, requests_of(facts, policy)):
        assert decision.verdict is not Verdict.UNAVAILABLE
        assert decision.reply.body
        assert (decision.wallet is None) == (not decision.operations)
        assert (decision.delivery is None) == bool(decision.operations)


@given(facts=FACTS, policy=POLICIES)
def test_a_booked_operation_is_answered_again_word_for_word(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    requests = requests_of(facts, policy)
    view = MemoryLedger().view
    decisions = decide_batch(view, requests)
    committed = after(view, decisions)

    for repeated, first in zip(requests, decisions, strict=True):
        if first.operations:
            again = decide(committed, repeated)
            assert again.verdict is Verdict.REPEATED
            assert again.reply == first.reply
            assert again.operations == ()


@given(facts=FACTS, policy=POLICIES, data=st.data())
def test_the_division_into_batches_does_not_matter(
    facts: list[LedgerFact], policy: LedgerPolicy, data: st.DataObject
) -> None:
    requests = requests_of(facts, policy)
    cut = data.draw(st.integers(0, len(requests)))
    view = MemoryLedger().view

    first = decide_batch(view, requests[:cut])
    second = decide_batch(after(view, first), requests[cut:])

    assert [*first, *second] == decide_batch(view, requests)


@given(facts=FACTS, policy=POLICIES)
def test_deciding_does_not_change_the_given_view(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    view = MemoryLedger().view
    before = (dict(view.wallets), dict(view.operations))

    decide_batch(view, requests_of(facts, policy))

    assert (view.wallets, view.operations) == before


@given(timed=st.lists(st.tuples(OPERATIONS, HOURS), max_size=30), policy=POLICIES)
def test_a_days_counters_never_fall_below_zero_whatever_the_clocks_show(
    timed: list[tuple[LedgerFact, int]], policy: LedgerPolicy
) -> None:
    facts = [fact for fact, _ in timed]
    requests = [
        replace(received, received_at=NOON + timedelta(hours=hours))
        for received, (_, hours) in zip(requests_of(facts, policy), timed, strict=True)
    ]
    wallets: list[Wallet] = [
        decision.wallet
        for decision in decide_batch(MemoryLedger().view, requests)
        if decision.wallet is not None
    ]

    assert all(wallet.day_stake >= 0 for wallet in wallets)
    assert all(wallet.day_payout >= 0 for wallet in wallets)


@given(left=ALL_OWN_OPERATIONS, right=ALL_OWN_OPERATIONS)
def test_own_operations_have_equal_fingerprints_exactly_if_they_are_equal(
    left: OwnOperation, right: OwnOperation
) -> None:
    same = own_operation_fingerprint(left) == own_operation_fingerprint(right)

    assert same is (left == right)


@given(operation=ALL_OWN_OPERATIONS)
def test_an_own_operation_is_read_back_from_its_evidence(operation: OwnOperation) -> None:
    assert own_operation_from_bytes(own_operation_bytes(operation)) == operation
