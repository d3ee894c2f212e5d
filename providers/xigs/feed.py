"""The platform's rounds, as files have them and as its API lists them.

A file has one JSON object per line. A cancelled round moved nothing. The prize of an open round
is left out: a scratch card's prize may be drawn and reported before it is paid.
"""

from collections.abc import Mapping

from providers.contract import Provider
from providers.statements.format import FieldKind, PlainLines, StatementFormat
from providers.wire.decode import Json
from providers.wire.fields import currency_code, history_instant, identifier, label, one_of
from providers.xigs.amounts import stated_amount
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

STATEMENT_FIELDS: Mapping[str, FieldKind] = {
    "roundId": FieldKind.ID,
    "userId": FieldKind.ID,
    "bet": FieldKind.AMOUNT,
    "prize": FieldKind.AMOUNT,
    "status": FieldKind.WORD,
    "createdAt": FieldKind.INSTANT,
    "updatedAt": FieldKind.INSTANT,
    "currency": FieldKind.WORD,
    "gameId": FieldKind.ID,
}
OPTIONAL_FIELDS = frozenset({"currency", "gameId"})
#: The fields that every round has.
FIELDS = tuple(name for name in STATEMENT_FIELDS if name not in OPTIONAL_FIELDS)
STATES = ("open", "closed", "cancelled")

Document = Mapping[str, Json]


def _record(provider: Provider, cells: Mapping[str, str], raw: bytes) -> HistoryRecord:
    """One round of a table, whose empty cells are values that are missing."""
    document: Document = {
        name: text or None
        for name, text in cells.items()
        if text or name not in OPTIONAL_FIELDS
    }
    return record_of(document, provider, raw=raw)


def require_fields(document: Document, path: str) -> None:
    """Refuse a round that lacks a field.

    Raises:
        Malformed: names the missing fields.
    """
    missing = [name for name in FIELDS if name not in document]
    if missing:
        raise Malformed(path, f"these fields are missing: {', '.join(missing)}")


def record_of(document: Document, provider: Provider, *, raw: bytes) -> HistoryRecord:
    """One round that has all fields.

    Raises:
        Malformed: a field is not of its type.
    """
    round_id = identifier(document["roundId"], "roundId")
    state = one_of(document["status"], STATES, "status")
    currency = _currency(document, provider)
    stake = _amount(document, "bet", currency, provider)
    payout = _amount(document, "prize", currency, provider)
    nothing = Money(0, currency)
    return HistoryRecord(
        record_id=round_id,
        round_id=round_id,
        handle=identifier(document["userId"], "userId"),
        currency=currency,
        stake=nothing if state == "cancelled" else stake,
        payout=payout if state == "closed" else nothing,
        rolled_back=state == "cancelled",
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=_game(document),
        created_at=history_instant(document["createdAt"], "createdAt"),
        updated_at=history_instant(document["updatedAt"], "updatedAt"),
        raw=raw,
    )


def _currency(document: Document, provider: Provider) -> str:
    stated = document.get("currency")
    return provider.currency if stated is None else currency_code(stated, "currency", provider)


def _game(document: Document) -> str | None:
    game = document.get("gameId")
    return None if game is None else label(game, "gameId")


def _amount(document: Document, name: str, currency: str, provider: Provider) -> Money:
    """An amount of at least 0; a prize that is null is not known yet and counts as 0."""
    value = document[name]
    if value is None and name == "prize":
        return Money(0, currency)
    return stated_amount(value, currency, provider, path=name)


def _plain_lines(_provider: Provider) -> PlainLines:
    """Rounds that were not cancelled."""
    return PlainLines(
        amounts={"closed": ("bet", "prize"), "open": ("bet", None)},
        record_id="roundId",
        round_id="roundId",
        handle="userId",
        created_at="createdAt",
        updated_at="updatedAt",
        game="gameId",
    )


STATEMENT = StatementFormat(
    fields=STATEMENT_FIELDS,
    optional=OPTIONAL_FIELDS,
    native="jsonl",
    record=_record,
    plain=_plain_lines,
    action="status",
    actions=STATES,
    signs={"bet": {"open": -1, "closed": -1}, "prize": {"open": 1, "closed": 1}},
)
