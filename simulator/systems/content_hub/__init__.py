"""The content hub: rounds of a bet and any number of wins, signed with an RSA key."""

from collections.abc import Mapping

from simulator.protocol.fault_kinds import COMMON_FAULTS, FaultKind
from simulator.protocol.messages import CallKind
from simulator.protocol.system import ReplyFormat, StatementFile, System
from simulator.systems.content_hub.api import demo_api
from simulator.systems.content_hub.calls import request_of, wire_digits_of
from simulator.systems.content_hub.conformance import MESSAGES
from simulator.systems.content_hub.keys import secret_of
from simulator.systems.content_hub.statement import write
from simulator.systems.content_hub.stories import STORIES

_OK = "RS_OK"


def _error(document: Mapping[str, object]) -> object:
    status = document.get("status", "no status")
    return None if status == _OK else status


SYSTEM = System(
    name="content_hub",
    kinds=frozenset({CallKind.BALANCE, CallKind.BET, CallKind.WIN, CallKind.ROLLBACK}),
    id_letter="H",
    handle_prefix="hub-",
    key_prefixes={},
    by_transaction=True,
    shares_rounds=True,
    wins_name_bets=True,
    wins_repeat_stake=False,
    win_ends_round=False,
    rollbacks_may_lack_ids=False,
    rollbacks_name_amounts=False,
    names_balance=True,
    names_currency=True,
    names_session=True,
    possible_faults=COMMON_FAULTS | {FaultKind.DUPLICATE},
    stories=STORIES,
    secret_of=secret_of,
    request=request_of,
    replies=ReplyFormat(
        declines=frozenset({"RS_ERROR_NOT_ENOUGH_MONEY", "RS_ERROR_USER_DISABLED"}),
        conflicts=frozenset({"RS_ERROR_DUPLICATE_TRANSACTION"}),
        try_again=frozenset(),
        error=_error,
        success=lambda document: document.get("balance"),
        scale=wire_digits_of,
    ),
    messages=MESSAGES,
    statement=StatementFile(suffix=".csv", write=write),
    push=None,
    own_ids={},
    api=demo_api,
)
