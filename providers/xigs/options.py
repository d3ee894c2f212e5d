"""What the platform's document leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping
from datetime import timedelta

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE


def _name(default: str, meaning: str) -> Option:
    return Option(default=default, choices=None, assumed=True, meaning=meaning)


def _one_of(*choices: str, meaning: str) -> Option:
    """An option whose first choice is the default."""
    return Option(default=choices[0], choices=choices, assumed=True, meaning=meaning)


OPTIONS: Mapping[str, Option] = {
    "signature_header": _name("x-signed-request", "the header that holds the signature"),
    "raw_body_signatures": Option(
        default=True,
        choices=(False, True),
        assumed=True,
        meaning="a signature over the body as sent also holds, besides the sorted form",
    ),
    "key_source": _one_of(
        "round",
        "transaction",
        meaning="what makes an operation the same: round and event, or the transaction id",
    ),
    "orphan_win": _one_of(
        "refuse",
        "credit",
        meaning="what a close-round does whose open-round was never seen",
    ),
    "balance_type": _one_of(
        "number", "text", meaning="how a reply shows the balance: JSON number or text"
    ),
    "round_open_hours": Option(
        default=24,
        choices=None,
        assumed=True,
        meaning="hours a round may stay open before it is a break; 0: however long",
    ),
    "event_type_field": _name("eventType", "the field that holds open-round or close-round"),
    "round_id_field": _name("roundId", "the field that names the round"),
    "user_id_field": _name("userId", "the field that names the player"),
    "amount_field": _name("amount", "the field with the ticket price or the prize"),
    "currency_field": _name("currency", "the field with the currency, where there is one"),
    "transaction_id_field": _name(
        "transactionId", "the field with the transaction id, where there is one"
    ),
    "timestamp_field": _name("timestamp", "the field with the time, where there is one"),
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
