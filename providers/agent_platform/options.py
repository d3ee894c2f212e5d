"""What the agent platform's document leaves open, as settings. Every default is assumed."""

from collections.abc import Mapping

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE, any_value, flag, one_of

OPTIONS: Mapping[str, Option] = {
    "agent_id": any_value(
        0, "our agent_id, which every callback must then carry; 0 checks none"
    ),
    "signed_text": one_of(
        "any",
        "raw",
        "sorted_escaped",
        "sorted_unescaped",
        "sorted_unescaped_unicode",
        "sorted_unescaped_slashes",
        meaning="the text a signature may be over: the body as sent, its sorted forms, or any",
    ),
    "rounds": one_of(
        "per_transaction",
        "round_id",
        meaning="every makeBet is its own round, or rounds are named by the round field",
    ),
    "transaction_id_field": any_value("transaction_id", "the field with the transaction's id"),
    "round_id_field": any_value("round_id", "the field that names the round, where it is sent"),
    "original_id_fields": any_value(
        ("rollback_transaction_id", "original_transaction_id", "reference_transaction_id"),
        "the fields that may name what a rollback undoes",
    ),
    "round_finished_fields": any_value(
        ("round_finished", "is_finished"), "the fields that may say that the round is over"
    ),
    "round_finished_default": flag(
        default=False,
        meaning="whether a makeBet of a named round ends it where no field says so",
    ),
    "free_rounds_field": any_value(
        "", "the field whose object marks a makeBet without a bet as a free round; empty: none"
    ),
    "insufficient_funds_status": one_of(
        200,
        400,
        402,
        403,
        409,
        422,
        default=400,
        meaning="HTTP status of a makeBet the balance cannot cover",
    ),
    "statement_columns": any_value(
        (
            "transaction_id",
            "round_id",
            "type",
            "player_id",
            "currency",
            "bet",
            "win",
            "original_transaction_id",
            "created_at",
        ),
        "the statement's names of these nine columns, in this order",
    ),
    **TOLERANCE,
}

#: What calls of its API need to be configured.
API_FIELDS = ApiFields(required=frozenset({"agent_id"}), optional=frozenset({"key"}))


def policy(options: Mapping[str, OptionValue]) -> LedgerPolicy:
    """What the ledger should do, given complete options: a bet always comes with its win."""
    return LedgerPolicy(
        orphan_win_credits=True,
        rollback_of_rollback_accepts=False,
        round_per_operation=options["rounds"] == "per_transaction",
        rollback_moves_stated=False,
    )


def history_policy(_options: Mapping[str, OptionValue]) -> HistoryPolicy:
    """What reconciliation may expect: statements name the transactions of the callbacks."""
    return HistoryPolicy(names_rounds=True, round_open_max=None)
