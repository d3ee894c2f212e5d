"""Journals that are due, and those that would not balance."""

from datetime import date

import pytest

from reports.journal.accounts import ACCOUNTS
from reports.journal.model import (
    JournalKey,
    JournalKind,
    JournalUnbalanced,
    due_journals,
    fee_amounts,
)

KEY = JournalKey(
    business_day=date(2026, 6, 30), provider="agg", kind=JournalKind.FEE, currency="EUR"
)
CODES = dict.fromkeys(ACCOUNTS, "1")


def test_a_fee_is_an_expense_against_what_is_due() -> None:
    (journal,) = due_journals({KEY: fee_amounts(1_500)}, {}, CODES)

    assert journal.external_id == "tieout-agg-fee-2026-06-EUR-1"
    assert [(line.account, line.minor) for line in journal.lines] == [
        ("provider_fee", -1_500),
        ("provider_fee_accrued", 1_500),
    ]


def test_no_fee_is_no_journal() -> None:
    assert due_journals({KEY: fee_amounts(0)}, {}, CODES) == []


def test_amounts_that_do_not_sum_to_zero_are_no_journal() -> None:
    with pytest.raises(JournalUnbalanced, match="does not sum to zero: 5"):
        due_journals({KEY: {("play", "ggr"): 5}}, {}, CODES)
