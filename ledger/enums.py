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
    ADJUSTMENT = "adjustment"  # a correction by hand, approved by another person
    EXCLUDE = "exclude"  # the player shut themselves out until an instant
    LIMIT = "limit"  # what the player may stake, turn over and lose in a day


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
    BONUS = "bonus"
    JACKPOT = "jackpot"
    PROMO = "promo"
    PLAYER_RECEIVABLE = "player_receivable"  # the part of a balance that is below zero
    DIFFERENCE = "difference"  # residuals that a tolerance let pass


class RoundStatus(StrEnum):
    """Where a round stands; follows from its figures. Mirrors the type ``round_status``."""

    OPEN = "open"
    SETTLED = "settled"
    ROLLED_BACK = "rolled_back"
    VOID = "void"  # it ended, and nothing was ever staked or paid in it


#: What the reason of a tombstone begins with that a round's end placed; then comes its key.
CLOSED_BY = "closed_by "
#: The slug of operations that are our own: deposits, withdrawals, blocks.
OWN_SLUG = "tieout"
