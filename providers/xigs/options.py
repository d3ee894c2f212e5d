"""What the platform's document leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping
from datetime import timedelta

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE, any_value, flag, one_of

OPTIONS: Mapping[str, Option] = {
    "signature_header": any_value("x-signed-request", "the header that holds the signature"),
    "raw_body_signatures": flag(
        default=True,
        meaning="a signature over the body as sent also holds, besides the sorted form",
    ),
    "key_source": one_of(
        "round",
        "transaction",
        meaning="what makes an operation the same: round and event, or the transaction id",
    ),
    "orphan_win": one_of(
        "refuse",
        "credit",
        meaning="what a close-round does whose open-round was never seen",
    ),
    "balance_type": one_of(
        "number", "text", meaning="how a reply shows the balance: JSON number or text"
    ),
    "round_open_hours": any_value(
        24, "hours a round may stay open before it is a break; 0: however long"
    ),
    "event_type_field": any_value(
        "eventType", "the field that holds open-round or close-round"
    ),
    "round_id_field": any_value("roundId", "the field that names the round"),
    "user_id_field": any_value("userId", "the field that names the player"),
    "amount_field": any_value("amount", "the field with the ticket price or the prize"),
    "currency_field": any_value("currency", "the field with the currency, where there is one"),
    "transaction_id_field": any_value(
        "transactionId", "the field with the transaction id, where there is one"
    ),
    "timestamp_field": any_value("timestamp", "the field with the time, where there is one"),
    **TOLERANCE,
}

#: What calls of its API need to be configured.
API_FIELDS = ApiFields(required=frozenset({"key"}), optional=frozenset({"profile"}))


def policy(options: Mapping[str, OptionValue]) -> LedgerPolicy:
    """What the ledger should do for this provider, given complete options."""
    return LedgerPolicy(
        orphan_win_credits=options["orphan_win"] == "credit",
        rollback_of_rollback_accepts=False,
        round_per_operation=False,
        rollback_moves_stated=False,
    )


def history_policy(options: Mapping[str, OptionValue]) -> HistoryPolicy:
    """What reconciliation may expect, given complete options."""
    hours = options["round_open_hours"]
    assert isinstance(hours, int)
    return HistoryPolicy(
        names_rounds=True, round_open_max=timedelta(hours=hours) if hours > 0 else None
    )
