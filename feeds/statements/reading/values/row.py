"""The values of a row, normalized to the notation of the dialect."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from feeds.statements.reading.cells import EMPTY, Cell, CellKind
from feeds.statements.reading.file_format import AmountSign, AmountUnit, FileRules, IdCase
from feeds.statements.reading.values.amounts import stated_amount
from feeds.statements.reading.values.ids import id_text
from feeds.statements.reading.values.instants import instant_text
from feeds.statements.reading.values.text import NULL_WORDS, bare, is_null, trimmed, unprotected
from providers.contract import Provider
from providers.statements.format import FieldKind, TableFormat
from vocabulary.currencies import digits_of
from vocabulary.errors import Malformed
from vocabulary.instants import USUAL_INSTANT
from vocabulary.money import minor_from_text, text_from_minor

#: Kinds of cells that no field accepts.
_REFUSED: Mapping[CellKind, str] = MappingProxyType(
    {
        CellKind.FORMULA: "a value is expected, not a formula; save the values",
        CellKind.BROKEN: "a value is expected, not an error or a list",
        CellKind.FLAG: "text is expected, not true or false",
    }
)
_CURRENCY = "currency"
#: Values that are the same in every file and dialect; most values are.
_USUAL_ID = re.compile("[0-9A-Za-z](?:[0-9A-Za-z_:-]*[0-9A-Za-z])?", re.ASCII)
_USUAL_WORD = re.compile("[0-9A-Za-z]+", re.ASCII)
_USUAL_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,2})?", re.ASCII)
_NEVER = re.compile("(?!)")
_MIDNIGHT = "T00:00:00"


@dataclass(frozen=True, slots=True)
class RowValues:
    """The values of a row by our names of the fields.

    Attributes:
        cells: in the notation of the dialect; text that only the dialect can judge is left.
        amounts: plain decimals in the file's unit and with its signs.
    """

    cells: Mapping[str, Cell]
    amounts: Mapping[str, str]


class RowNormalizer:
    """Normalizes the rows of one provider's files.

    Damaged values are refused, formatting that the settings declare is undone, and nothing is
    guessed.
    """

    def __init__(self, rules: FileRules, shape: TableFormat, provider: Provider) -> None:
        self._rules = rules
        self._shape = shape
        self._provider = provider
        self._usual = _usual_forms(rules, shape)
        self._nulls = NULL_WORDS | {word.lower() for word in rules.null_text or ()}

    def values(self, cells: Mapping[str, Cell]) -> RowValues:
        """The values of a row.

        Raises:
            Malformed: a value is damaged, or not written as declared; its path is the field.
        """
        values: dict[str, Cell] = {}
        amounts: dict[str, str] = {}
        unusual: list[str] = []
        for name, cell in cells.items():
            is_amount = self._shape.fields[name] is FieldKind.AMOUNT
            if self._is_usual(cell, name):
                values[name] = cell
                if is_amount:
                    amounts[name] = cell.text
            elif is_amount:
                values[name] = EMPTY
                unusual.append(name)
            else:
                values[name] = self._value(cell, name)
        # Amounts depend on the action and the currency.
        for name in unusual:
            if amount := self.amount(cells[name], name, values):
                amounts[name], booked = amount
                values[name] = Cell(booked)
        return RowValues(values, amounts)

    def value(self, cell: Cell, name: str) -> Cell:
        """One value that is no amount.

        Raises:
            Malformed: it is damaged, or not written as declared; its path is the field.
        """
        return cell if self._is_usual(cell, name) else self._value(cell, name)

    def amount(self, cell: Cell, name: str, row: Mapping[str, Cell]) -> tuple[str, str] | None:
        """An amount as the file states it, and as it is booked; None: the cell is empty.

        ``row`` has the normalized currency and action.

        Raises:
            Malformed: no amount, or not written as declared.
        """
        if self._is_usual(cell, name):
            return cell.text, cell.text
        stated = self.stated(cell, name, row)
        return None if stated is None else (stated, self._booked(stated, name, row))

    def _is_usual(self, cell: Cell, name: str) -> bool:
        """Whether a cell surely has the notation of the dialect, which most have."""
        text = cell.text
        return (
            cell.kind is CellKind.TEXT
            and self._usual[name].fullmatch(text) is not None
            and text.lower() not in self._nulls
        )

    def stated(self, cell: Cell, name: str, row: Mapping[str, Cell]) -> str | None:
        """An amount in the file's unit and with its sign; None: the cell is empty.

        The values of the row are needed for its currency.

        Raises:
            Malformed: no amount, or not written as declared.
        """
        text = self._text(cell, name)
        if text is None:
            return None
        currency = self._currency(row)
        digits = 0
        if self._rules.unit is AmountUnit.MAJOR:
            digits = digits_of(currency, self._provider.exponents)
        return stated_amount(cell, text, name, self._rules, currency=currency, digits=digits)

    def _value(self, cell: Cell, name: str) -> Cell:
        """A value that is no amount."""
        text = self._text(cell, name)
        if text is None:
            return EMPTY
        kind = self._shape.fields[name]
        if kind is FieldKind.ID:
            value = id_text(cell, text, name, self._rules)
        elif kind is FieldKind.INSTANT:
            value = instant_text(cell, text, name, self._rules)
        else:
            value = self._word(cell, text, name)
        is_same = value == cell.text and cell.kind is CellKind.TEXT
        return cell if is_same else Cell(value, place=cell.place)

    def _text(self, cell: Cell, name: str) -> str | None:
        """The text of a cell without protection and blanks around; None: it has no value."""
        kind = cell.kind
        if kind is CellKind.EMPTY:
            return None
        if kind in _REFUSED:
            raise Malformed(name, _REFUSED[kind])
        text = cell.text
        if kind is CellKind.TEXT:
            is_kept = not self._rules.id_trim and self._shape.fields[name] is FieldKind.ID
            text = unprotected(text) if is_kept else bare(text)
        return None if text == "" or is_null(cell, text, name, self._rules) else text

    def _word(self, cell: Cell, text: str, name: str) -> str:
        is_action = name == self._shape.action
        if is_action and text in self._rules.actions:
            return self._rules.actions[text]
        if cell.kind is not CellKind.TEXT:
            raise Malformed(name, "text is expected")
        if is_action and text not in self._shape.actions:
            words = ", ".join(self._shape.actions)
            raise Malformed(
                name, f"one of {words} is expected; declare other words (setting actions)"
            )
        return text

    def _booked(self, amount: str, name: str, row: Mapping[str, Cell]) -> str:
        """An amount in the currency's unit, without its sign if the field has a known one."""
        if name in self._shape.signs:
            amount = self._without_sign(amount, name, row)
        if self._rules.unit is AmountUnit.MAJOR:
            return amount
        exponent = digits_of(self._currency(row), self._provider.exponents)
        return text_from_minor(minor_from_text(amount, 0, path=name), exponent)

    def _without_sign(self, amount: str, name: str, row: Mapping[str, Cell]) -> str:
        is_negative = amount.startswith("-")
        if self._rules.sign is AmountSign.NONE:
            if is_negative:
                raise Malformed(
                    name, "an amount of at least 0 is expected; declare signs (setting sign)"
                )
            return amount
        action = row.get(self._shape.action or "", EMPTY).text
        expected = self._shape.signs[name].get(action)
        if expected is not None and amount.strip("-0."):
            needs_minus = (expected < 0) is (self._rules.sign is AmountSign.PLAYER)
            if is_negative is not needs_minus:
                sign = "negative" if needs_minus else "positive"
                raise Malformed(
                    name, f"a {sign} amount is expected for {action} (setting sign)"
                )
        return amount.removeprefix("-")

    def _currency(self, row: Mapping[str, Cell]) -> str:
        stated = row[_CURRENCY].text if _CURRENCY in row else ""
        return stated or self._provider.currency


def _usual_forms(rules: FileRules, shape: TableFormat) -> Mapping[str, re.Pattern[str]]:
    """The form of each field that needs no normalization under the rules."""
    words = [word for word in shape.actions if word not in rules.actions]
    has_plain_amounts = (
        rules.decimal == "."
        and rules.unit is AmountUnit.MAJOR
        and rules.sign is AmountSign.NONE
    )
    forms = {
        FieldKind.ID: _USUAL_ID if rules.id_case is IdCase.EXACT else _NEVER,
        FieldKind.WORD: _USUAL_WORD,
        FieldKind.AMOUNT: _USUAL_AMOUNT if has_plain_amounts else _NEVER,
        FieldKind.INSTANT: USUAL_INSTANT if rules.dates is None else _NEVER,
    }
    usual = {name: forms[kind] for name, kind in shape.fields.items()}
    if shape.action is not None:
        usual[shape.action] = re.compile("|".join(map(re.escape, words))) if words else _NEVER
    return usual


def joined(cells: Iterable[Cell]) -> Cell:
    """The cells of one field, such as a day, a time and a zone, as one cell of text.

    A day of a workbook is an instant at midnight. Beside another cell it is a day only, also
    if that is empty: a time that is missing is no midnight.
    """
    parts = list(cells)
    filled = [cell for cell in parts if cell.kind is not CellKind.EMPTY]
    if not filled or len(parts) == 1:
        return filled[0] if filled else EMPTY
    if refused := next((cell for cell in filled if cell.kind in _REFUSED), None):
        return refused
    texts = (
        cell.text.removesuffix(_MIDNIGHT) if cell.kind is CellKind.INSTANT else cell.text
        for cell in filled
    )
    if len(filled) == 1:
        return replace(filled[0], text=next(texts))
    kind = CellKind.INSTANT if filled[0].kind is CellKind.INSTANT else CellKind.TEXT
    return replace(filled[0], text=" ".join(map(trimmed, texts)), kind=kind)
