"""Closed sets that the database defines too; a test keeps both equal."""

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
    EXCLUDE = "exclude"  # the player excluded themselves until an instant
    LIMIT = "limit"  # the most the player may stake, turn over and lose in a day


class OperationDecision(StrEnum):
    """Whether an operation was accepted. Mirrors the type ``operation_decision``."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class Account(StrEnum):
    """The chart of accounts. Mirrors the type ``account_kind``."""

    PLAYER_WALLET = "player_wallet"
    PROVIDER_CLEARING = "provider_clearing"  # per provider, round and currency
    GGR = "ggr"  # per provider and currency
    FUNDING = "funding"  # money that came from or went to the outside
    ADJUSTMENT = "adjustment"
    SUSPENSE = "suspense"
    BONUS = "bonus"
    JACKPOT = "jackpot"
    PROMO = "promo"
    PLAYER_RECEIVABLE = "player_receivable"  # the part of a balance that is below zero
    DIFFERENCE = "difference"  # residuals within a tolerance, and write-offs


class RoundStatus(StrEnum):
    """A round's status; follows from its amounts. Mirrors the type ``round_status``."""

    OPEN = "open"
    SETTLED = "settled"
    ROLLED_BACK = "rolled_back"
    VOID = "void"  # it ended, and nothing was ever staked or paid in it


#: Prefix of the reason of a tombstone that a round's end placed; the end's key follows.
CLOSED_BY = "closed_by "
#: The slug of our own operations: deposits, withdrawals, blocks.
OWN_SLUG = "tieout"
#: Begins the key of the deposit an imported wallet opens with; its wallet id follows.
OPENING_KEY = "opening:"
