"""The closed sets of a reconciliation: buckets of rows, kinds of breaks, impacts."""

from enum import StrEnum


class Bucket(StrEnum):
    """The outcome of a row; every row has exactly one."""

    MATCHED = "matched"
    TIMING = "timing"
    BREAK = "break"
    EXCLUDED = "excluded"


class BreakKind(StrEnum):
    """How the two books can differ, a closed set; ``reconcile.matching.classify`` decides."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    UNANSWERED = "unanswered_operation"
    CURRENCY = "currency_mismatch"
    AMBIGUOUS = "ambiguous_match"
    ID_SPELLING = "id_spelling"
    STATUS = "status_mismatch"
    STAKE = "stake_mismatch"
    PAYOUT = "payout_mismatch"
    DUPLICATE_AT_PROVIDER = "duplicate_at_provider"
    DUPLICATE_IN_LEDGER = "duplicate_in_ledger"
    PLAYER = "player_mismatch"
    ARITHMETIC = "arithmetic_error"
    ROUND_TOTAL = "round_total_mismatch"
    LATE_ORIGINAL = "late_original"
    ORPHAN_ROLLBACK = "orphan_rollback"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    DELIVERY_MISSING = "delivery_missing"
    DELIVERY_DISPUTED = "delivery_disputed"
    OPEN_OVERDUE = "open_round_overdue"
    BALANCE_GAP = "balance_chain_gap"
    NEGATIVE_BALANCE = "negative_balance"
    UNPARSABLE = "unparsable_record"
    RESTATED = "restated_after_close"


#: Kinds that compare a round of the two books. Over the breaks of a round, their differences
#: add up to the difference between the two sides.
OF_BOOKS = frozenset(
    {
        BreakKind.MISSING_IN_LEDGER,
        BreakKind.MISSING_AT_PROVIDER,
        BreakKind.UNANSWERED,
        BreakKind.CURRENCY,
        BreakKind.AMBIGUOUS,
        BreakKind.ID_SPELLING,
        BreakKind.STATUS,
        BreakKind.STAKE,
        BreakKind.PAYOUT,
        BreakKind.DUPLICATE_AT_PROVIDER,
        BreakKind.DUPLICATE_IN_LEDGER,
        BreakKind.PLAYER,
        BreakKind.ARITHMETIC,
    }
)

#: Kinds found in the rows of a round; cross-checks find the others.
BY_ROUND = OF_BOOKS | {BreakKind.ROUND_TOTAL, BreakKind.OPEN_OVERDUE}


class Impact(StrEnum):
    """Who is owed the difference."""

    PLAYER_OWED = "player_owed"
    OPERATOR_OWED = "operator_owed"
    NONE = "none"


def impact_of(difference: int) -> Impact:
    """The impact of a difference, by its sign."""
    if difference == 0:
        return Impact.NONE
    return Impact.PLAYER_OWED if difference > 0 else Impact.OPERATOR_OWED
