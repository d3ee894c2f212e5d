"""What the sportsbook's document leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE, flag, one_of

OPTIONS: Mapping[str, Option] = {
    "digest": one_of(
        "hmac_sha256",
        "sha256_body_secret",
        meaning="how the hash is made: HMAC-SHA256, or SHA-256 of the body then the secret",
    ),
    "bad_hash_status": one_of(
        200,
        401,
        403,
        meaning="HTTP status for a missing or wrong hash; every other reply is 200",
    ),
    "insufficient_funds_code": one_of(
        "INSUFFICIENT_FUNDS",
        "INSUFFICENT_FUNDS",
        meaning="spelling of the funds error; the older document lacks the second I",
    ),
    "allow_extra_fields": flag(
        default=True, meaning="the older name of unknown_fields: false refuses them too"
    ),
    "rollback_amount": one_of(
        "original",
        "stated",
        meaning="what a rollback for less than its original gives back: all, or its own amount",
    ),
    **TOLERANCE,
}

#: What calls of its API need to be configured.
API_FIELDS = ApiFields(
    required=frozenset({"version", "username", "password"}), optional=frozenset()
)


def policy(options: Mapping[str, OptionValue]) -> LedgerPolicy:
    """What the ledger should do: results name no bet, and every rollback must succeed."""
    return LedgerPolicy(
        orphan_win_credits=True,
        rollback_of_rollback_accepts=True,
        round_per_operation=True,
        rollback_moves_stated=options["rollback_amount"] == "stated",
    )


def history_policy(_options: Mapping[str, OptionValue]) -> HistoryPolicy:
    """What reconciliation may expect: statements name the transactions of the callbacks."""
    return HistoryPolicy(names_rounds=True, round_open_max=None)
