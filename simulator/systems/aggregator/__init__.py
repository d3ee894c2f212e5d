"""The game aggregator: rounds of bet, win and end; history pushed record by record."""

from simulator.protocol.fault_kinds import COMMON_FAULTS, FaultKind
from simulator.protocol.messages import CallKind
from simulator.protocol.system import (
    ReplyFormat,
    System,
    error_field,
    shared_secret,
    unscaled,
)
from simulator.systems.aggregator.api import AggregatorApi
from simulator.systems.aggregator.calls import request_of
from simulator.systems.aggregator.conformance import MESSAGES
from simulator.systems.aggregator.push import pushes
from simulator.systems.aggregator.stories import STORIES


def _api(seed: int) -> AggregatorApi:
    return AggregatorApi(seed=seed, api_key="demo-aggregator-secret")


SYSTEM = System(
    name="aggregator",
    kinds=frozenset({CallKind.BALANCE, CallKind.BET, CallKind.WIN, CallKind.ROUND_END}),
    id_letter="B",
    handle_prefix="SIM.",
    key_prefixes={
        CallKind.BET: "bet",
        CallKind.WIN: "settle-bet",
        CallKind.ROUND_END: "bet-end",
    },
    by_transaction=False,
    shares_rounds=False,
    wins_name_bets=True,
    wins_repeat_stake=True,
    win_ends_round=False,
    rollbacks_may_lack_ids=False,
    rollbacks_name_amounts=True,
    names_balance=True,
    names_currency=False,
    names_session=False,
    # A record's id is its round, so no round comes twice; records carry a sum and a balance.
    possible_faults=COMMON_FAULTS | {FaultKind.ARITHMETIC, FaultKind.BALANCE},
    stories=STORIES,
    secret_of=shared_secret,
    request=request_of,
    replies=ReplyFormat(
        declines=frozenset({"Insufficient balance", "User blocked"}),
        conflicts=frozenset({"Duplicate transaction mismatch"}),
        try_again=frozenset(),
        error=error_field,
        success=lambda document: document.get("balance"),
        scale=unscaled,
    ),
    messages=MESSAGES,
    statement=None,
    push=pushes,
    own_ids={"history_id_is_bet_id": False},
    api=_api,
)
