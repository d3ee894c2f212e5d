"""What the aggregator's document leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping

from providers.contract import ApiFields, HistoryPolicy, LedgerPolicy, Option, OptionValue
from providers.options import TOLERANCE, any_value, flag, one_of

_ERROR_STATUSES = (200, 400, 402, 403, 404, 409, 422)


def _status(default: int, meaning: str) -> Option:
    return one_of(*_ERROR_STATUSES, default=default, meaning=meaning)


OPTIONS: Mapping[str, Option] = {
    "orphan_win": one_of(
        "credit",
        "refuse",
        default="refuse",
        meaning="what a settle-bet whose bet was never seen does",
    ),
    "bet_end": one_of(
        "compare",
        "apply_missing",
        meaning="whether a bet-end only closes and compares, or books a bet or win never seen",
    ),
    "history_id_is_bet_id": flag(
        default=True, meaning="the history field _id is the bet_id of the callbacks"
    ),
    "form_bodies": flag(
        default=True, meaning="callbacks may come form-encoded, as requests may"
    ),
    "raw_number_signatures": flag(
        default=True,
        meaning="a signature over numbers as sent also holds, besides the JavaScript form",
    ),
    "game_type": any_value("slot", "the game_type of a balance reply"),
    "turn_over": one_of(
        "lifetime",
        "zero",
        meaning="the turn_over of a balance reply: the player's stakes so far, or 0",
    ),
    "insufficient_funds_status": _status(400, "HTTP status of a bet the balance cannot cover"),
    "player_blocked_status": _status(403, "HTTP status of a bet of a blocked player"),
    "player_unknown_status": _status(404, "HTTP status for a user_agent we do not know"),
    "bet_unknown_status": _status(404, "HTTP status of a refused settle-bet without its bet"),
    "conflict_status": _status(409, "HTTP status of a known bet_id with other content"),
    "round_closed_status": _status(409, "HTTP status of a bet that comes after its bet-end"),
    **TOLERANCE,
}

#: What calls of its API need to be configured.
API_FIELDS = ApiFields(
    required=frozenset({"key"}), optional=frozenset({"prefix", "form_bodies"})
)


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
    return HistoryPolicy(
        names_rounds=bool(options["history_id_is_bet_id"]), round_open_max=None
    )
