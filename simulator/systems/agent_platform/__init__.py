"""The agent platform: bets that carry their win, on one URL; statements as CSV."""

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
from simulator.systems.agent_platform.api import AgentPlatformApi
from simulator.systems.agent_platform.calls import request_of
from simulator.systems.agent_platform.conformance import MESSAGES
from simulator.systems.agent_platform.statement import write
from simulator.systems.agent_platform.stories import STORIES


def _balance(document: object) -> object:
    content = document.get("content") if isinstance(document, dict) else None
    return content.get("balance") if isinstance(content, dict) else None


def _api(seed: int) -> AgentPlatformApi:
    return AgentPlatformApi(seed=seed, api_token=b"demo-agent_platform-secret")


SYSTEM = System(
    name="agent_platform",
    kinds=frozenset({CallKind.BALANCE, CallKind.BET_AND_WIN, CallKind.ROLLBACK}),
    id_letter="M",
    handle_prefix="player_",
    key_prefixes={},
    by_transaction=True,
    shares_rounds=False,
    wins_name_bets=True,
    wins_repeat_stake=False,
    win_ends_round=False,
    rollbacks_may_lack_ids=True,
    rollbacks_name_amounts=False,
    names_balance=True,
    names_currency=True,
    names_session=True,
    possible_faults=COMMON_FAULTS | {FaultKind.DUPLICATE, FaultKind.STATUS},
    stories=STORIES,
    secret_of=shared_secret,
    request=request_of,
    replies=ReplyFormat(
        declines=frozenset({"insufficient_funds", "player_blocked"}),
        conflicts=frozenset({"duplicate_transaction"}),
        try_again=frozenset(),
        error=error_field,
        success=_balance,
        scale=unscaled,
    ),
    messages=MESSAGES,
    statement=StatementFile(suffix=".csv", write=write),
    push=None,
    own_ids={},
    api=_api,
)
