"""The ways in which a provider's history can be wrong."""

from enum import StrEnum


class FaultKind(StrEnum):
    """The break that each fault must be found as."""

    DROPPED = "missing_at_provider"
    PHANTOM = "missing_in_ledger"
    STAKE = "stake_mismatch"
    PAYOUT = "payout_mismatch"
    DUPLICATE = "duplicate_at_provider"
    ARITHMETIC = "arithmetic_error"
    STATUS = "status_mismatch"
    PLAYER = "player_mismatch"
    BALANCE = "balance_chain_gap"


#: What every history can get wrong.
COMMON_FAULTS = frozenset(
    {
        FaultKind.DROPPED,
        FaultKind.PHANTOM,
        FaultKind.STAKE,
        FaultKind.PAYOUT,
        FaultKind.PLAYER,
    }
)
