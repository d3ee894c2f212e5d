"""The accounts of journals: those of the ledger, and those of a fee accrual. Names only."""

from enum import StrEnum

from ledger.enums import Account


class FeeAccount(StrEnum):
    """The accounts of a fee accrual, which are not in the ledger."""

    EXPENSE = "provider_fee"
    ACCRUED = "provider_fee_accrued"


#: Every account that the settings must map, in the order of the lines.
ACCOUNTS: tuple[str, ...] = (*map(str, Account), *map(str, FeeAccount))
