"""What the hub's document leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE, any_value, one_of

OPTIONS: Mapping[str, Option] = {
    "signature_header": any_value("x-hub-signature", "the header that holds the signature"),
    "amount_digits": one_of(
        *range(2, 10),
        default=5,
        meaning="the decimals amounts are scaled by: 5 sends 1.00 as 100000, 2 sends cents",
    ),
    "orphan_win": one_of(
        "refuse", "credit", meaning="what a win whose bet was never seen does"
    ),
    "error_status": one_of(
        *(200, 400, 422), default=200, meaning="HTTP status of every refusal"
    ),
    "player_unknown_code": one_of(
        "RS_ERROR_INVALID_TOKEN",
        "RS_ERROR_UNKNOWN",
        meaning="the status that says that we do not know a user",
    ),
    "country": any_value("XX", "the country named in a user's details and at launch"),
    "unknown_fields": TOLERANCE["unknown_fields"],
}

#: What calls of its API need to be configured: the key that signs, and our number there.
API_FIELDS = ApiFields(required=frozenset({"key", "agent_id"}), optional=frozenset())


def policy(options: Mapping[str, OptionValue]) -> LedgerPolicy:
    """What the ledger should do: a win names its bet, and a round ends when they say so."""
    return LedgerPolicy(
        orphan_win_credits=options["orphan_win"] == "credit",
        rollback_of_rollback_accepts=False,
        round_per_operation=False,
        rollback_moves_stated=False,
    )


def history_policy(_options: Mapping[str, OptionValue]) -> HistoryPolicy:
    """What reconciliation may expect: transactions under the rounds of the callbacks."""
    return HistoryPolicy(names_rounds=True, round_open_max=None)
