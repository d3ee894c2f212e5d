"""What each kind of break does between us and the player, and between us and the provider."""

import pytest

from breaks.impact import (
    AXES,
    Axes,
    Effects,
    InvoiceImpact,
    effects_of,
    invoice_impact,
    player_impact,
)
from breaks.kinds import OF_BOOKS, BreakKind, Impact

#: Every kind, and whose money it concerns: the player's, the provider's, both or neither.
TABLE = {
    "missing_in_ledger": "both",
    "missing_at_provider": "both",
    "unanswered_operation": "both",
    "id_spelling": "both",
    "currency_mismatch": "both",
    "ambiguous_match": "both",
    "status_mismatch": "both",
    "stake_mismatch": "both",
    "payout_mismatch": "both",
    "duplicate_at_provider": "provider",
    "duplicate_in_ledger": "both",
    "player_mismatch": "neither",
    "arithmetic_error": "neither",
    "round_total_mismatch": "player",
    "late_original": "neither",
    "orphan_rollback": "neither",
    "idempotency_conflict": "neither",
    "delivery_missing": "player",
    "delivery_disputed": "neither",
    "open_round_overdue": "neither",
    "balance_chain_gap": "player",
    "negative_balance": "player",
    "unparsable_record": "neither",
    "restated_after_close": "provider",
}


def test_every_kind_is_in_the_table() -> None:
    assert set(AXES) == set(BreakKind)
    assert set(TABLE) == {str(kind) for kind in BreakKind}


@pytest.mark.parametrize(("kind", "axes"), TABLE.items())
def test_a_kind_concerns(kind: str, axes: str) -> None:
    effects = effects_of(BreakKind(kind), 300)

    assert (
        effects
        == {
            "both": Effects(player=300, invoice=-300),
            "player": Effects(player=300, invoice=0),
            "provider": Effects(player=0, invoice=-300),
            "neither": Effects(player=0, invoice=0),
        }[axes]
    )


def test_a_record_reported_twice_owes_a_player_nothing_but_changes_the_invoice() -> None:
    kind = BreakKind.DUPLICATE_AT_PROVIDER

    assert player_impact(kind, -500) is Impact.NONE
    assert invoice_impact(kind, -500) is InvoiceImpact.HIGHER
    assert invoice_impact(kind, 500) is InvoiceImpact.LOWER


def test_a_wallet_below_zero_is_on_no_invoice() -> None:
    assert player_impact(BreakKind.NEGATIVE_BALANCE, -5) is Impact.OPERATOR_OWED
    assert invoice_impact(BreakKind.NEGATIVE_BALANCE, -5) is InvoiceImpact.NONE


def test_kinds_that_compare_books_and_have_an_amount_explain_the_difference_of_ggr() -> None:
    amountless = {BreakKind.PLAYER, BreakKind.ARITHMETIC}

    assert all(AXES[kind] in {Axes.BOTH, Axes.PROVIDER} for kind in OF_BOOKS - amountless)
