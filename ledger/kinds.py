"""Closed sets that the database knows too; a test keeps both equal."""

from enum import StrEnum


class OperationKind(StrEnum):
    """What an operation is. Mirrors the type ``operation_kind``."""

    BET = "bet"
    WIN = "win"
    BET_AND_WIN = "bet_and_win"
    ROLLBACK = "rollback"
    ROUND_END = "round_end"
    TOMBSTONE = "tombstone"  # occupies the key of something rolled back before it came
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    BLOCK = "block"
    UNBLOCK = "unblock"


class OperationDecision(StrEnum):
    """Whether an operation stands. Mirrors the type ``operation_decision``."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class Account(StrEnum):
    """The chart of accounts. Mirrors the type ``account_kind``."""

    PLAYER_WALLET = "player_wallet"
    PROVIDER_CLEARING = "provider_clearing"  # per provider, round and currency
    GGR = "ggr"  # per provider and currency
    FUNDING = "funding"  # money that came from or left to outside
    ADJUSTMENT = "adjustment"
    SUSPENSE = "suspense"


#: The slug of operations that are our own: deposits, withdrawals, blocks.
OWN = "tieout"
