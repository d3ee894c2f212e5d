"""Our own operations, and authentic requests that become no operation."""

import json

import pytest

from ledger.accepting.model import Decision, OperationRow
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OWN_SLUG, OperationKind
from tests.harness.books.ledger import (
    MemoryLedger,
    balance_query,
    bet,
    deposit,
    history,
    rollback,
    set_blocked,
    withdrawal,
)
from vocabulary.facts import Fact
from vocabulary.outcomes import Verdict


def only_row(decision: Decision) -> OperationRow:
    (row,) = decision.operations
    return row


def amounts(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def answer_fields(decision: Decision) -> dict[str, str | None]:
    fields: dict[str, str | None] = json.loads(decision.reply.body)
    return fields


@pytest.mark.parametrize(
    ("operation", "kind", "balance"),
    [
        (deposit("d1", 250), OperationKind.DEPOSIT, 1250),
        (withdrawal("d1", 1000), OperationKind.WITHDRAWAL, 0),
        (set_blocked("d1", blocked=True), OperationKind.BLOCK, 1000),
        (set_blocked("d1", blocked=False), OperationKind.UNBLOCK, 1000),
    ],
    ids=["deposit", "withdrawal", "block", "unblock"],
)
def test_own_operations_take_a_chain_position_and_are_not_turnover(
    operation: OwnOperation, kind: OperationKind, balance: int
) -> None:
    ledger = MemoryLedger()

    row = only_row(ledger.decide(operation))

    assert amounts(row) == (0, 0, balance - 1000, balance, 1)
    assert (row.kind, row.provider, row.round_id) == (kind.value, OWN_SLUG, "")
    assert ledger.wallets[1].turnover == 0


def test_a_withdrawal_of_more_than_the_balance_is_declined() -> None:
    decision = MemoryLedger(balance=10).decide(withdrawal("d1", 11))

    assert decision.verdict is Verdict.DECLINED_FUNDS
    assert amounts(only_row(decision)) == (0, 0, 0, 10, 1)


def test_a_block_applies_until_it_is_lifted() -> None:
    ledger = MemoryLedger()

    blocked = ledger.decide_all(set_blocked("x1", blocked=True), bet("b1", 1))
    allowed = ledger.decide_all(set_blocked("x2", blocked=False), bet("b2", 1))

    assert blocked.verdict is Verdict.DECLINED_BLOCKED
    assert allowed.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        (deposit("d1", 250), deposit("d1", 251)),
        (set_blocked("d1", blocked=True), set_blocked("d1", blocked=False)),
        (deposit("d1", 250), withdrawal("d1", 250)),
    ],
    ids=["amount", "flag", "direction"],
)
def test_an_own_operation_is_booked_once(
    operation: OwnOperation, changed: OwnOperation
) -> None:
    ledger = MemoryLedger()
    ledger.decide(operation)
    after = ledger.balance

    verdicts = [ledger.decide(operation).verdict, ledger.decide(changed).verdict]

    assert verdicts == [Verdict.REPEATED, Verdict.CONFLICT]
    assert ledger.balance == after


@pytest.mark.parametrize(
    ("fact", "verdict"),
    [
        (None, Verdict.MALFORMED),
        (history("h1"), Verdict.RECORDED),
        (bet("b1", 1, handle="eve"), Verdict.PLAYER_UNKNOWN),
        (balance_query("eve"), Verdict.PLAYER_UNKNOWN),
        (balance_query("ann", "USD"), Verdict.CURRENCY_WRONG),
        (rollback("u1", "b1", handle="eve"), Verdict.PLAYER_UNKNOWN),
    ],
    ids=["malformed", "history", "stranger", "query", "currency", "rollback"],
)
def test_an_authentic_request_without_operation_is_stored_as_delivery(
    fact: Fact | None, verdict: Verdict
) -> None:
    decision = MemoryLedger().decide(fact)

    assert (decision.verdict, decision.operations, decision.wallet) == (verdict, (), None)
    assert decision.delivery is not None
    assert decision.delivery.verdict == verdict.value
    assert decision.delivery.reply == decision.reply.body


def test_a_balance_query_writes_nothing() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 100))

    decision = ledger.decide(balance_query())

    assert (decision.operations, decision.delivery, decision.wallet) == ((), None, None)
    assert answer_fields(decision) == {
        "verdict": "balance",
        "transaction": None,
        "balance": "9.00",
        "turnover": "1.00",
    }
