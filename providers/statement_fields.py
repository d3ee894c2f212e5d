"""What the fields of every dialect's statement are, whatever file they come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class FieldKind(StrEnum):
    """How the text of a field is read, and how a file may have damaged it."""

    ID = "id"
    WORD = "word"
    AMOUNT = "amount"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementShape:
    """The fields of one dialect's statement.

    Attributes:
        fields: our names, in order, and what they are.
        optional: fields that a file may leave out.
        native: the format the dialect's own reader takes: ``csv`` or ``jsonl``.
    """

    fields: Mapping[str, FieldKind]
    optional: frozenset[str]
    native: str


def _fields(spelt: str) -> Mapping[str, FieldKind]:
    pairs = (word.split(":") for word in spelt.split())
    return MappingProxyType({name: FieldKind(kind) for name, kind in pairs})


SHAPES: Mapping[str, StatementShape] = MappingProxyType(
    {
        "agent_platform": StatementShape(
            fields=_fields(
                "transaction_id:id round_id:id type:word player_id:id currency:word"
                " bet:amount win:amount original_transaction_id:id created_at:instant"
            ),
            optional=frozenset(),
            native="csv",
        ),
        "sportsbook": StatementShape(
            fields=_fields(
                "transaction_id:id action:word user_id:id currency:word amount:amount"
                " rollback_transaction_id:id created_at:instant"
            ),
            optional=frozenset(),
            native="csv",
        ),
        "xigs": StatementShape(
            fields=_fields(
                "roundId:id userId:id bet:amount prize:amount status:word createdAt:instant"
                " updatedAt:instant currency:word gameId:id"
            ),
            optional=frozenset({"currency", "gameId"}),
            native="jsonl",
        ),
    }
)
