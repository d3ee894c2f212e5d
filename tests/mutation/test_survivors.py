"""Tests of mutations that no test noticed before."""

from datetime import timedelta

import pytest

from ledger.accepting.own_operations import Adjust, Exclude, InRound, Limit
from tests.harness.books.ledger import NOON, MemoryLedger, balance_query, eur
from vocabulary.errors import Malformed
from vocabulary.facts import Fund
from vocabulary.money import MINOR_MAX, minor_from_text
from vocabulary.outcomes import Verdict


def adjusted(minor: int, *, within: InRound | None) -> tuple[object, ...]:
    adjustment = Adjust(
        key="a1",
        handle="ann",
        amount=eur(minor),
        reason="agreed",
        fund=Fund.DIFFERENCE,
        within=within,
    )
    (row,) = MemoryLedger().decide(adjustment).operations
    return row.stake, row.payout, row.amount, row.round_id, row.ends_round, row.reason, row.fund


def test_a_correction_of_a_stake_is_a_negative_stake_and_ends_its_round() -> None:
    within = InRound(provider="lottery", round_id="r7", side="stake")

    assert adjusted(30, within=within) == (-30, 0, 30, "r7", True, "agreed", "difference")


def test_a_correction_of_a_payout_is_a_payout_and_ends_its_round() -> None:
    within = InRound(provider="lottery", round_id="r7", side="payout")

    assert adjusted(30, within=within) == (0, 30, 30, "r7", True, "agreed", "difference")


def test_a_correction_outside_rounds_is_neither_stake_nor_payout() -> None:
    assert adjusted(30, within=None) == (0, 0, 30, "", False, "agreed", "difference")


def test_a_restriction_belongs_to_no_round_and_keeps_its_reason() -> None:
    until = NOON + timedelta(days=1)
    common = {"handle": "ann", "currency": "EUR", "reason": "asked"}
    exclude = Exclude(key="e1", until=until, **common)
    limit = Limit(key="l1", stake=5, turnover=None, loss=None, **common)

    for operation in (exclude, limit):
        (row,) = MemoryLedger().decide(operation).operations
        assert (row.round_id, row.reason, row.amount) == ("", "asked", 0)


def test_a_balance_query_is_decided_as_a_balance() -> None:
    decision = MemoryLedger().decide(balance_query())

    assert (decision.verdict, decision.changes) == (Verdict.BALANCE, {})


@pytest.mark.parametrize("text", ["1.005", str(MINOR_MAX)])
def test_an_amount_that_does_not_fit_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        minor_from_text(text, 2, path="bet.amount")

    assert refused.value.path == "bet.amount"
