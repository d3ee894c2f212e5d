"""The sportsbook: bets, results and rollbacks as single transactions; statements as CSV."""

from simulator.protocol.fault_kinds import COMMON_FAULTS, FaultKind
from simulator.protocol.messages import CallKind
from simulator.protocol.system import (
    ReplyFormat,
    StatementFile,
    System,
    error_field,
    shared_secret,
    unscaled,
)
from simulator.scenarios.stories import (
    bet_rolled_back,
    overdrawn,
    rolled_back_too_early,
    settled_bet,
    stranger,
    win_rolled_back,
)
from simulator.systems.sportsbook.api import SportsbookApi
from simulator.systems.sportsbook.calls import request_of
from simulator.systems.sportsbook.conformance import MESSAGES
from simulator.systems.sportsbook.statement import write

DEMO_PASSWORD = "demo-sportsbook-secret"  # noqa: S105 - for demonstrations


def _api(seed: int) -> SportsbookApi:
    return SportsbookApi(seed=seed, username="demo", password=DEMO_PASSWORD)


SYSTEM = System(
    name="sportsbook",
    kinds=frozenset({CallKind.BET, CallKind.WIN, CallKind.ROLLBACK}),
    id_letter="T",
    handle_prefix="u-",
    key_prefixes={},
    by_transaction=True,
    shares_rounds=False,
    wins_name_bets=False,
    wins_repeat_stake=False,
    win_ends_round=False,
    rollbacks_may_lack_ids=False,
    rollbacks_name_amounts=True,
    names_balance=False,
    names_currency=True,
    names_session=False,
    possible_faults=COMMON_FAULTS | {FaultKind.DUPLICATE, FaultKind.STATUS},
    stories=(
        (settled_bet, 70),
        (bet_rolled_back, 12),
        (win_rolled_back, 6),
        (rolled_back_too_early, 6),
        (overdrawn, 5),
        (stranger, 1),
    ),
    secret_of=shared_secret,
    request=request_of,
    replies=ReplyFormat(
        declines=frozenset({"INSUFFICIENT_FUNDS", "INSUFFICENT_FUNDS", "USER_BLOCKED"}),
        conflicts=frozenset({"TRANSACTION_CONFLICT"}),
        try_again=frozenset({"INTERNAL_ERROR"}),
        error=error_field,
        success=lambda document: document.get("transaction_id"),
        scale=unscaled,
    ),
    messages=MESSAGES,
    statement=StatementFile(suffix=".csv", write=write),
    push=None,
    own_ids={},
    api=_api,
)
