"""What the fields of a dialect's statement are, whatever file they come in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Literal

from providers.contract import Provider, Unreadable
from vocabulary.facts import HistoryRecord


class FieldKind(StrEnum):
    """How the text of a field is read, and how a file may have damaged it."""

    ID = "id"
    WORD = "word"
    AMOUNT = "amount"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFormat:
    """The statement of one dialect.

    Attributes:
        fields: our names, in order, and what they are.
        optional: fields that a file may leave out.
        action: the field that says what happened; None: there is none.
        actions: its words.
        signs: an amount's field to the sign of its effect on the player's balance, by action;
            actions that are not listed may have either.
        native: the format that ``read`` takes.
        read: streams a file; each line is a record or an Unreadable.
    """

    fields: Mapping[str, FieldKind]
    optional: frozenset[str]
    native: Literal["csv", "jsonl"]
    read: Callable[[BinaryIO, Provider], Iterator[HistoryRecord | Unreadable]]
    action: str | None = None
    actions: tuple[str, ...] = ()
    signs: Mapping[str, Mapping[str, Literal[-1, 1]]] = field(default_factory=dict)
