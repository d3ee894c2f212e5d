"""The values of a row, normalized to the notation of the dialect."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from feeds.statements.cells import EMPTY, Cell, CellKind
from feeds.statements.file_format import AmountSign, AmountUnit, FileRules
from feeds.statements.values.amounts import stated_amount
from feeds.statements.values.ids import id_text
from feeds.statements.values.instants import instant_text
from feeds.statements.values.text import is_null, trimmed, unprotected
from providers.contract import Provider
from providers.statements.format import FieldKind, StatementFormat
from vocabulary.errors import Malformed
from vocabulary.money import exponent_of, minor_from_text, text_from_minor

#: Kinds of cells that no field accepts.
_REFUSED: Mapping[CellKind, str] = MappingProxyType(
    {
        CellKind.FORMULA: "a value is expected, not a formula; save the values",
        CellKind.BROKEN: "a value is expected, not an error or a list",
        CellKind.FLAG: "text is expected, not true or false",
    }
)
_CURRENCY = "currency"
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


@dataclass(frozen=True, slots=True)
class RowNormalizer:
    """Normalizes the rows of one provider's files.

    Damaged values are refused, formatting that the settings declare is undone, and nothing is
    guessed.
    """

    rules: FileRules
    shape: StatementFormat
    provider: Provider

    def values(self, cells: Mapping[str, Cell]) -> RowValues:
        """The values of a row.

        Raises:
            Malformed: a value is damaged, or not written as declared; its path is the field.
        """
        fields = self.shape.fields
        amounts = [name for name in cells if fields[name] is FieldKind.AMOUNT]
        normal = {
            name: self._value(cell, name) for name, cell in cells.items() if name not in amounts
        }
        stated = {
            name: amount
            for name in amounts
            if (amount := self.stated(cells[name], name, normal)) is not None
        }
        booked = {name: Cell(self._booked(stated[name], name, normal)) for name in stated}
        values = {**dict.fromkeys(amounts, EMPTY), **normal, **booked}
        return RowValues({name: values[name] for name in cells}, stated)

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
        if self.rules.unit is AmountUnit.MAJOR:
            digits = exponent_of(currency, self.provider.exponents)
        return stated_amount(cell, text, name, self.rules, currency=currency, digits=digits)

    def _value(self, cell: Cell, name: str) -> Cell:
        """A value that is no amount."""
        text = self._text(cell, name)
        if text is None:
            return EMPTY
        match self.shape.fields[name]:
            case FieldKind.ID:
                return Cell(id_text(cell, text, name, self.rules), place=cell.place)
            case FieldKind.INSTANT:
                return Cell(instant_text(cell, text, name, self.rules), place=cell.place)
            case _:
                return Cell(self._word(cell, text, name), place=cell.place)

    def _text(self, cell: Cell, name: str) -> str | None:
        """The text of a cell without protection and blanks around; None: it has no value."""
        if cell.kind in _REFUSED:
            raise Malformed(name, _REFUSED[cell.kind])
        if cell.kind is CellKind.EMPTY:
            return None
        text = cell.text
        if cell.kind is CellKind.TEXT:
            is_kept = self.shape.fields[name] is FieldKind.ID and not self.rules.id_trim
            text = unprotected(text if is_kept else trimmed(text))
            text = text if is_kept else trimmed(text)
        return None if text == "" or is_null(cell, text, name, self.rules) else text

    def _word(self, cell: Cell, text: str, name: str) -> str:
        is_action = name == self.shape.action
        if is_action and text in self.rules.actions:
            return self.rules.actions[text]
        if cell.kind is not CellKind.TEXT:
            raise Malformed(name, "text is expected")
        if is_action and text not in self.shape.actions:
            words = ", ".join(self.shape.actions)
            raise Malformed(
                name, f"one of {words} is expected; declare other words (setting actions)"
            )
        return text

    def _booked(self, amount: str, name: str, row: Mapping[str, Cell]) -> str:
        """An amount in the currency's unit, without its sign if the field has a known one."""
        if name in self.shape.signs:
            amount = self._without_sign(amount, name, row)
        if self.rules.unit is AmountUnit.MAJOR:
            return amount
        exponent = exponent_of(self._currency(row), self.provider.exponents)
        return text_from_minor(minor_from_text(amount, 0, path=name), exponent)

    def _without_sign(self, amount: str, name: str, row: Mapping[str, Cell]) -> str:
        is_negative = amount.startswith("-")
        if self.rules.sign is AmountSign.NONE:
            if is_negative:
                raise Malformed(
                    name, "an amount of at least 0 is expected; declare signs (setting sign)"
                )
            return amount
        action = row.get(self.shape.action or "", EMPTY).text
        expected = self.shape.signs[name].get(action)
        if expected is not None and amount.strip("-0."):
            needs_minus = (expected < 0) is (self.rules.sign is AmountSign.PLAYER)
            if is_negative is not needs_minus:
                sign = "negative" if needs_minus else "positive"
                raise Malformed(
                    name, f"a {sign} amount is expected for {action} (setting sign)"
                )
        return amount.removeprefix("-")

    def _currency(self, row: Mapping[str, Cell]) -> str:
        stated = row[_CURRENCY].text if _CURRENCY in row else ""
        return stated or self.provider.currency


def joined(cells: Iterable[Cell]) -> Cell:
    """The cells of one field, such as a day, a time and a zone, as one cell of text."""
    filled = [cell for cell in cells if cell.kind is not CellKind.EMPTY]
    if len(filled) <= 1:
        return filled[0] if filled else EMPTY
    if refused := next((cell for cell in filled if cell.kind in _REFUSED), None):
        return refused
    texts = (
        cell.text.removesuffix(_MIDNIGHT) if cell.kind is CellKind.INSTANT else cell.text
        for cell in filled
    )
    kind = CellKind.INSTANT if filled[0].kind is CellKind.INSTANT else CellKind.TEXT
    return replace(filled[0], text=" ".join(map(trimmed, texts)), kind=kind)
