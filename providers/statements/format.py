"""What the fields of a dialect's statement are, whatever file they come in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from providers.contract import Provider
from vocabulary.facts import HistoryRecord

#: (the provider, the texts of a line by our names, the line as received) to its record. A value
#: that is missing is an empty text. Raises Malformed for a line that cannot be understood.
RecordReader = Callable[[Provider, Mapping[str, str], bytes], HistoryRecord]


class FieldKind(StrEnum):
    """How the text of a field is read, and how a file may have damaged it."""

    ID = "id"
    WORD = "word"
    AMOUNT = "amount"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLines:
    """The lines whose record is only a choice of their fields, so that columns can be read.

    They are not rolled back; amounts are at least zero and exact in the currency's smallest
    unit; ids are text of up to 128 characters. A line with another action, or with an optional
    id that is required here, is none of them.

    Attributes:
        amounts: an action to the fields of its stake and of its payout; None: it has none.
        record_id, round_id, handle, currency, created_at, updated_at: fields.
        game: a field; None: there is none.
        empty: fields that must be empty.
        unused: fields of ids that decide nothing, and may be empty.
    """

    amounts: Mapping[str, tuple[str | None, str | None]]
    record_id: str
    round_id: str
    handle: str
    created_at: str
    updated_at: str
    currency: str = "currency"
    game: str | None = None
    empty: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """The fields of a table, whatever its rows are for.

    Attributes:
        fields: our names, in order, and what they are.
        optional: fields that a file may leave out.
        action: the field that says what happened; None: there is none.
        actions: its words.
        signs: an amount's field to the sign of its effect on the player's balance, by action;
            actions that are not listed may have either.
        native: the format of files that do not show theirs.
    """

    fields: Mapping[str, FieldKind]
    optional: frozenset[str]
    native: Literal["csv", "jsonl"]
    action: str | None = None
    actions: tuple[str, ...] = ()
    signs: Mapping[str, Mapping[str, Literal[-1, 1]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFormat(TableFormat):
    """The statement of one dialect.

    Attributes:
        record: reads one line, whatever file it comes from.
        plain: the lines that can be read column by column; ``record`` reads them the same.
    """

    record: RecordReader
    plain: Callable[[Provider], PlainLines]
