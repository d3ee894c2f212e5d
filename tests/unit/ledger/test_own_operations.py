"""Our own orders, and authentic requests that become no operation."""

import json

import pytest

from ledger.accepting.model import Decision, OperationRow
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OWN_SLUG, OperationKind
from tests.harness.books.ledger import (
    Counter,
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


def only_row(decided: Decision) -> OperationRow:
    (row,) = decided.operations
    return row


def moved(row: OperationRow) -> tuple[int, int, int, int, int]:
    return row.stake, row.payout, row.amount, row.balance_after, row.wallet_seq


def told(decided: Decision) -> dict[str, str | None]:
    said: dict[str, str | None] = json.loads(decided.answer.body)
    return said


@pytest.mark.parametrize(
    ("order", "kind", "balance"),
    [
        (deposit("d1", 250), OperationKind.DEPOSIT, 1250),
        (withdrawal("d1", 1000), OperationKind.WITHDRAWAL, 0),
        (set_blocked("d1", blocked=True), OperationKind.BLOCK, 1000),
        (set_blocked("d1", blocked=False), OperationKind.UNBLOCK, 1000),
    ],
    ids=["deposit", "withdrawal", "block", "unblock"],
)
def test_our_own_orders_take_a_place_in_the_chain_and_are_not_turnover(
    order: OwnOperation, kind: OperationKind, balance: int
) -> None:
    counter = Counter()

    row = only_row(counter.take(order))

    assert moved(row) == (0, 0, balance - 1000, balance, 1)
    assert (row.kind, row.provider, row.round_id) == (kind.value, OWN_SLUG, "")
    assert counter.wallets[1].turnover == 0


def test_a_withdrawal_of_more_than_there_is_is_declined() -> None:
    decided = Counter(balance=10).take(withdrawal("d1", 11))

    assert decided.verdict is Verdict.DECLINED_FUNDS
    assert moved(only_row(decided)) == (0, 0, 0, 10, 1)


def test_blocking_holds_until_it_is_lifted() -> None:
    counter = Counter()

    blocked = counter.take_all(set_blocked("x1", blocked=True), bet("b1", 1))
    allowed = counter.take_all(set_blocked("x2", blocked=False), bet("b2", 1))

    assert blocked.verdict is Verdict.DECLINED_BLOCKED
    assert allowed.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("order", "changed"),
    [
        (deposit("d1", 250), deposit("d1", 251)),
        (set_blocked("d1", blocked=True), set_blocked("d1", blocked=False)),
        (deposit("d1", 250), withdrawal("d1", 250)),
    ],
    ids=["amount", "flag", "direction"],
)
def test_an_order_is_carried_out_once(order: OwnOperation, changed: OwnOperation) -> None:
    counter = Counter()
    counter.take(order)
    after = counter.balance

    again = [counter.take(order).verdict, counter.take(changed).verdict]

    assert again == [Verdict.REPEATED, Verdict.CONFLICT]
    assert counter.balance == after


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
def test_an_authentic_request_without_operation_is_kept_as_delivery(
    fact: Fact | None, verdict: Verdict
) -> None:
    decided = Counter().take(fact)

    assert (decided.verdict, decided.operations, decided.wallet) == (verdict, (), None)
    assert decided.delivery is not None
    assert decided.delivery.verdict == verdict.value
    assert decided.delivery.reply == decided.answer.body


def test_a_balance_query_writes_nothing() -> None:
    counter = Counter()
    counter.take(bet("b1", 100))

    decided = counter.take(balance_query())

    assert (decided.operations, decided.delivery, decided.wallet) == ((), None, None)
    assert told(decided) == {
        "verdict": "balance",
        "transaction": None,
        "balance": "9.00",
        "turnover": "1.00",
    }
