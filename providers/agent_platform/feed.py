"""The agent platform's statement: a CSV export of its transactions, asked of its manager.

No export is documented, so the columns are an assumption and their names are a setting. A line
belongs to the round that its operation has in our books. Where every transaction is its own
round, a rollback means that the round was undone. Where rounds are named, one round may hold
several transactions, so a rollback takes back only the amounts it states.
"""

from collections.abc import Mapping

from providers.agent_platform.parse import rollback_key
from providers.contract import Provider
from providers.options import text_of
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
    "round_id": FieldKind.ID,
    "type": FieldKind.WORD,
    "player_id": FieldKind.ID,
    "currency": FieldKind.WORD,
    "bet": FieldKind.AMOUNT,
    "win": FieldKind.AMOUNT,
    "original_transaction_id": FieldKind.ID,
    "created_at": FieldKind.INSTANT,
}
#: Our names of the columns, in the order of the setting ``statement_columns``.
COLUMNS = tuple(FIELDS)
ACTIONS = ("makeBet", "rollback")

Cells = Mapping[str, str]


def _record(provider: Provider, cells: Cells, raw: bytes) -> HistoryRecord:
    is_rollback = one_of(cells["type"], ACTIONS, "type") == "rollback"
    record_id, undone = _ids(cells, is_rollback=is_rollback)
    named = _named_round(cells, provider)
    currency = currency_code(cells["currency"], "currency", provider)
    bet, win = _amounts(cells, currency, provider, may_be_blank=is_rollback and named is None)
    if is_rollback and named is not None:
        bet, win = -bet, -win
    created_at = history_instant(cells["created_at"], "created_at")
    return HistoryRecord(
        record_id=record_id,
        round_id=named or undone or record_id,
        handle=identifier(cells["player_id"], "player_id"),
        currency=currency,
        stake=bet,
        payout=win,
        rolled_back=is_rollback and named is None,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=created_at,
        updated_at=created_at,
        raw=raw,
    )


def _ids(cells: Cells, *, is_rollback: bool) -> tuple[str, str | None]:
    """The line's own id and the id of what it undoes, by the rules of the callbacks."""
    own, original = cells["transaction_id"], cells["original_transaction_id"]
    if not is_rollback:
        if original:
            raise Malformed("original_transaction_id", "nothing is expected here for a makeBet")
        return identifier(own, "transaction_id"), None
    if not original:
        original = identifier(own, "transaction_id")
    elif own:
        identifier(own, "transaction_id")
    identifier(original, "original_transaction_id")
    return rollback_key(own, original), original


def _named_round(cells: Cells, provider: Provider) -> str | None:
    if text_of(provider, "rounds") == "per_transaction" or not cells["round_id"]:
        return None
    return identifier(cells["round_id"], "round_id")


def _amounts(
    cells: Cells, currency: str, provider: Provider, *, may_be_blank: bool
) -> tuple[Money, Money]:
    texts = {name: cells[name] or ("0" if may_be_blank else "") for name in ("bet", "win")}
    bet, win = (
        unsigned_amount(text, currency, provider, path=name) for name, text in texts.items()
    )
    return bet, win


def _plain_lines(provider: Provider) -> PlainLines:
    """Bets with their round, if rounds are named."""
    is_named = text_of(provider, "rounds") != "per_transaction"
    return PlainLines(
        amounts={"makeBet": ("bet", "win")},
        record_id="transaction_id",
        round_id="round_id" if is_named else "transaction_id",
        handle="player_id",
        created_at="created_at",
        updated_at="created_at",
        empty=("original_transaction_id",),
        unused=() if is_named else ("round_id",),
    )


STATEMENT = StatementFormat(
    fields=FIELDS,
    optional=frozenset(),
    native="csv",
    record=_record,
    plain=_plain_lines,
    action="type",
    actions=ACTIONS,
    signs={"bet": {"makeBet": -1}, "win": {"makeBet": 1}},
)
