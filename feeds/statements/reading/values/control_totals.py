"""The trailer of a file: its control totals, compared with the rows before it."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import Cell, CellKind, shown
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.table import TableRow, UnreadableRow
from feeds.statements.reading.values.amounts import NOISE_MAX, shortened, stated_amount
from feeds.statements.reading.values.text import bare
from vocabulary.errors import Malformed
from vocabulary.money import EXPONENT_MAX

_BINARY = frozenset({CellKind.DOUBLE, CellKind.FORMULA})
_READ = _BINARY | {CellKind.TEXT, CellKind.EXACT}


class ControlTotals:
    """The number of rows and the sum of a field, compared with the trailer of the file.

    Attributes:
        rows: read before the trailer.
        has_ended: the trailer was read; no row may follow it.
    """

    def __init__(self, rules: FileRules) -> None:
        self.rows = 0
        self.has_ended = False
        self._rules = rules
        self._trailer = rules.trailer
        self._total = Decimal(0)

    @property
    def summed(self) -> str | None:
        """The summed field; None: none is."""
        return self._trailer.of if self._trailer is not None else None

    def add(self, amount: str | None) -> None:
        """Add the summed field of a row, as the file states it."""
        self._total += Decimal(amount or "0")

    def add_rows(self, count: int, amount: Decimal) -> None:
        """Add rows, and the sum of their summed field as the file states it."""
        self.rows += count
        self._total += amount

    def is_trailer(self, row: TableRow) -> bool:
        """Whether the first cell of the row is the marker, exactly."""
        trailer = self._trailer
        return trailer is not None and row.first_text == trailer.marker

    def check_trailer(self, row: TableRow) -> Iterator[UnreadableRow]:
        """A problem for each control total that differs from the rows read."""
        assert self._trailer is not None
        self.has_ended = True
        for place, actual, name in (
            (self._trailer.rows, Decimal(self.rows), "number of lines"),
            (self._trailer.total, self._total, f"total of {self._trailer.of}"),
        ):
            if place is not None and (problem := self._difference(row, place, actual, name)):
                yield UnreadableRow(row.line, problem, FindingKind.TRUNCATED_FILE)

    def check_end(self) -> Iterator[UnreadableRow]:
        """A problem if the file ended without its declared trailer."""
        if self._trailer is not None and not self.has_ended:
            reason = (
                f"a last line {self._trailer.marker} is expected: the file may be cut"
                " (setting trailer)"
            )
            yield UnreadableRow(self.rows + 1, reason, FindingKind.TRUNCATED_FILE)

    def after_end(self, row: TableRow) -> UnreadableRow:
        """The problem that a row follows the trailer."""
        assert self._trailer is not None
        reason = f"no line is expected after the last line {self._trailer.marker}"
        return UnreadableRow(row.line, reason, FindingKind.TRUNCATED_FILE)

    def _difference(self, row: TableRow, place: int, actual: Decimal, name: str) -> str | None:
        """How a cell of the trailer differs from what was read; None: it does not."""
        if place > len(row.cells):
            return f"the last line has no cell {place} with the {name}; the file has {actual}"
        cell, reason = row.cells[place - 1], ""
        try:
            if self._stated(cell, actual) == actual:
                return None
        except Malformed as error:
            reason = f": {error.reason}"
        difference = f"the last line has another {name} than the file, which has {actual}"
        return f"{difference}; found {shown(cell.text)}{reason}"

    def _stated(self, cell: Cell, actual: Decimal) -> Decimal:
        """The number in a cell of the trailer, written with the declared marks.

        Raises:
            Malformed: no number, or not written as declared.
        """
        if cell.kind not in _READ:
            raise Malformed("trailer", "a number is expected")
        text = bare(cell.text)
        if cell.kind in _BINARY and (number := _finite(text)) is not None:
            # A sum of doubles is noisy; totals that differ do so by a smallest unit, or by a
            # digit that a double keeps.
            noise = abs(number - actual).scaleb(-int(actual.as_tuple().exponent))
            is_same = noise <= NOISE_MAX or shortened(number) == shortened(actual)
            return actual if is_same else number
        kind = CellKind.EXACT if cell.kind is CellKind.EXACT else CellKind.TEXT
        stated = stated_amount(
            Cell(text, kind), text, "trailer", self._rules, currency=None, digits=EXPONENT_MAX
        )
        return Decimal(stated)


def _finite(text: str) -> Decimal | None:
    """The number of a double's text; None: it is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
