"""The scratch-card platform: rounds opened and closed; rounds as JSON lines, or by its API."""

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
from simulator.systems.xigs.api import demo_api
from simulator.systems.xigs.calls import request_of
from simulator.systems.xigs.conformance import MESSAGES
from simulator.systems.xigs.statement import write
from simulator.systems.xigs.stories import STORIES


def _balance(document: object) -> object:
    if not isinstance(document, dict) or document.get("status") != "success":
        return None
    data = document.get("data")
    return data.get("balance") if isinstance(data, dict) else None


SYSTEM = System(
    name="xigs",
    kinds=frozenset({CallKind.BET, CallKind.WIN}),
    id_letter="R",
    handle_prefix="user-",
    key_prefixes={CallKind.BET: "open", CallKind.WIN: "close"},
    by_transaction=False,
    shares_rounds=False,
    wins_name_bets=True,
    wins_repeat_stake=False,
    win_ends_round=True,
    rollbacks_may_lack_ids=False,
    rollbacks_name_amounts=True,
    names_balance=True,
    names_currency=True,
    names_session=True,
    possible_faults=COMMON_FAULTS | {FaultKind.DUPLICATE},
    stories=STORIES,
    secret_of=shared_secret,
    request=request_of,
    replies=ReplyFormat(
        declines=frozenset({"INSUFFICIENT_FUNDS", "USER_BLOCKED"}),
        conflicts=frozenset({"TRANSACTION_CONFLICT"}),
        try_again=frozenset({"INTERNAL_ERROR"}),
        error=error_field,
        success=_balance,
        scale=unscaled,
    ),
    messages=MESSAGES,
    statement=StatementFile(suffix=".jsonl", write=write),
    push=None,
    own_ids={},
    api=demo_api,
)
