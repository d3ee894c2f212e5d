"""The sportsbook's daily statement: a CSV of transactions, one line each."""

from collections.abc import Mapping

from providers.contract import Provider
from providers.statements.format import FieldKind, PlainLines, StatementFormat
from providers.wire.fields import (
    currency_code,
    history_instant,
    identifier,
    one_of,
    unsigned_amount,
)
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

FIELDS: Mapping[str, FieldKind] = {
    "transaction_id": FieldKind.ID,
    "action": FieldKind.WORD,
    "user_id": FieldKind.ID,
    "currency": FieldKind.WORD,
    "amount": FieldKind.AMOUNT,
    "rollback_transaction_id": FieldKind.ID,
    "created_at": FieldKind.INSTANT,
}
COLUMNS = tuple(FIELDS)
ACTIONS = ("bet", "result", "rollback")


def _record(provider: Provider, cells: Mapping[str, str], raw: bytes) -> HistoryRecord:
    action = one_of(cells["action"], ACTIONS, "action")
    own_id = identifier(cells["transaction_id"], "transaction_id")
    currency = currency_code(cells["currency"], "currency", provider)
    amount = unsigned_amount(cells["amount"], currency, provider, path="amount")
    created_at = history_instant(cells["created_at"], "created_at")
    nothing = Money(0, currency)
    return HistoryRecord(
        record_id=own_id,
        round_id=_round_id(cells, own_id, is_rollback=action == "rollback"),
        handle=identifier(cells["user_id"], "user_id"),
        currency=currency,
        # Of a rollback it is not said on which side its amount was.
        stake=nothing if action == "result" else amount,
        payout=amount if action == "result" else nothing,
        rolled_back=action == "rollback",
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=created_at,
        updated_at=created_at,
        raw=raw,
    )


def _round_id(cells: Mapping[str, str], own_id: str, *, is_rollback: bool) -> str:
    undone = cells["rollback_transaction_id"]
    if not is_rollback:
        if undone:
            raise Malformed(
                "rollback_transaction_id", "nothing is expected here for this action"
            )
        return own_id
    if identifier(undone, "rollback_transaction_id") == own_id:
        raise Malformed("rollback_transaction_id", "another transaction is expected")
    return undone


def _plain_lines(_provider: Provider) -> PlainLines:
    """Bets and results; which amount a rollback takes back depends on its original."""
    return PlainLines(
        amounts={"bet": ("amount", None), "result": (None, "amount")},
        record_id="transaction_id",
        round_id="transaction_id",
        handle="user_id",
        created_at="created_at",
        updated_at="created_at",
        empty=("rollback_transaction_id",),
    )


STATEMENT = StatementFormat(
    fields=FIELDS,
    optional=frozenset(),
    native="csv",
    record=_record,
    plain=_plain_lines,
    action="action",
    actions=ACTIONS,
    signs={"amount": {"bet": -1, "result": 1}},
)
