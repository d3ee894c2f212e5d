"""Statement files of any format, read line by line with the dialect's own reader.

A file becomes a table of cells. The cells of a row are normalized to the notation of the
dialect, which reads them. Every line ends as a record or as a finding. The record keeps the
line as received. Whatever the file is, reading it raises nothing: what breaks a reader is a
finding, too.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, overload

from feeds.finding_kinds import FindingKind
from feeds.staged_rows import StagedRows
from feeds.statements.reading.cells import Cell, CellKind, shown
from feeds.statements.reading.confined.limits import LimitExceeded
from feeds.statements.reading.confined.meter import ReadMeter
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.header import header_problem
from feeds.statements.reading.line_record import read_record
from feeds.statements.reading.open_table import opened_table
from feeds.statements.reading.plain.rows import PlainBlock, PlainRows
from feeds.statements.reading.table import Table, TableRow, UnreadableRow
from feeds.statements.reading.values.control_totals import ControlTotals
from feeds.statements.reading.values.row import RowNormalizer, RowValues, joined
from providers.contract import Provider
from providers.dialect import Dialect
from providers.options import texts_of
from providers.statements.format import FieldKind, StatementFormat
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.plurals import counted

_BROKEN = "a statement is expected, this file is broken or cut from here on"


@dataclass(frozen=True, slots=True)
class StatementReader:
    """Reads the statement files of one provider.

    Attributes:
        dialect: one that reads statements.
        rules: the declared format of the files.
    """

    dialect: Dialect
    provider: Provider
    rules: FileRules

    @property
    def shape(self) -> StatementFormat:
        """The fields of the statement."""
        assert self.dialect.statement is not None, self.dialect.name
        return self.dialect.statement

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Our name of every field to the names of its columns, usually one."""
        columns = {**self._expected, **self.rules.columns}
        return {
            name: (column,) if isinstance(column, str) else column
            for name, column in columns.items()
        }

    @property
    def normalizer(self) -> RowNormalizer:
        """Normalizes the values of rows as the settings declare."""
        return RowNormalizer(self.rules, self.shape, self.provider)

    @property
    def _expected(self) -> dict[str, str]:
        """Our name of every field to the column name that the dialect's reader expects."""
        fields = tuple(self.shape.fields)
        is_set = "statement_columns" in self.provider.options
        names = texts_of(self.provider, "statement_columns") if is_set else fields
        return dict(zip(fields, names, strict=False))

    @overload
    def read(self, stream: BinaryIO, name: str) -> Iterator[HistoryRecord | UnreadableRow]: ...

    @overload
    def read(
        self, stream: BinaryIO, name: str, *, for_stage: bool
    ) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]: ...

    def read(
        self, stream: BinaryIO, name: str, *, for_stage: bool = False
    ) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]:
        """Every line of a file as a record or as the problem with it, in file order.

        Args:
            stream: the file, from its start; seekable.
            name: the file's name; decides the format if neither content nor settings do.
            for_stage: many lines at once, already written for the database, where they are
                plain; these come before other lines that were read together with them.
        """
        meter = ReadMeter(self.rules.limits)
        try:
            yield from self._read(stream, name, meter, for_stage=for_stage)
        except LimitExceeded as error:
            yield UnreadableRow(meter.line + 1, str(error), FindingKind.LIMIT_EXCEEDED)
        except MemoryError:
            reason = str(self.rules.limits.exceeded("memory_bytes"))
            yield UnreadableRow(meter.line + 1, reason, FindingKind.LIMIT_EXCEEDED)
        except Exception as error:  # noqa: BLE001 - no file may break the import
            reason = f"{_BROKEN} ({type(error).__name__})"
            yield UnreadableRow(meter.line + 1, reason, FindingKind.TRUNCATED_FILE)

    def _read(
        self, stream: BinaryIO, name: str, meter: ReadMeter, *, for_stage: bool
    ) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]:
        if len(self._expected) != len(self.shape.fields):
            reason = f"header: {len(self.shape.fields)} names in statement_columns are expected"
            yield UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
            return
        if len(set(self._expected.values())) < len(self._expected):
            reason = "header: column names that differ are expected (setting statement_columns)"
            yield UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
            return
        with opened_table(stream, name, self.rules, self.shape, self.columns) as table:
            if isinstance(table, UnreadableRow):
                yield table
            elif problem := header_problem(table, self.columns, self.shape):
                yield problem
            else:
                yield from self._records(table, meter, for_stage=for_stage)

    def cells(self, row: TableRow, header: tuple[str, ...] | None) -> dict[str, Cell]:
        """The cells of a row by our names of the fields, as in the file.

        Args:
            row: of a table.
            header: the names of the table's columns; None if each row has its own.

        Raises:
            Malformed: the row is not as wide as the header.
        """
        places = _places(row.names or header, self.columns)
        if header is not None and row.width != len(header):
            self.check_width(row, header)
        return _cells(row, places)

    def check_width(self, row: TableRow, header: tuple[str, ...]) -> None:
        """Accept one empty field over the header's if no other field can have moved.

        An instant that is the last of our columns would not be one if a delimiter inside an
        earlier field had moved it.

        Raises:
            Malformed: the row is not as wide as the header.
        """
        width = len(header)
        if len(row.cells) == width + 1 and row.cells[width].kind is CellKind.EMPTY:
            if self.rules.trailing_delimiter or self._last_kind(header) is FieldKind.INSTANT:
                return
            raise Malformed(
                "line",
                f"{counted(width, 'field is', 'fields are')} expected and one more is"
                " there, an empty one; if each line ends with a delimiter, set"
                " trailing_delimiter = true",
            )
        expected = counted(width, "field is", "fields are")
        raise Malformed("line", f"{expected} expected; found {len(row.cells)}")

    def _last_kind(self, header: tuple[str, ...]) -> FieldKind:
        """The kind of the field whose column is the last of ours."""
        ours = [
            (header.index(column), name)
            for name, columns in self.columns.items()
            for column in columns
            if column in header
        ]
        return self.shape.fields[max(ours)[1]]

    def _records(
        self, table: Table, meter: ReadMeter, *, for_stage: bool
    ) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]:
        totals = ControlTotals(self.rules)
        rows = _RowReader(self, table)
        metered = meter.metered(table.rows)
        lines: Iterator[TableRow | UnreadableRow | PlainBlock] = metered
        if for_stage and table.header is not None and self.shape.action is not None:
            lines = self._plain_rows(table.header).split(metered)
        for row in lines:
            if isinstance(row, UnreadableRow):
                totals.rows += 1
                yield row
            elif isinstance(row, PlainBlock):
                yield from _block_lines(row, totals)
            elif totals.has_ended:
                yield totals.after_end(row)
            elif totals.is_trailer(row):
                yield from totals.check_trailer(row)
            else:
                yield rows.read(row, totals)
        yield from totals.check_end()
        if totals.rows == 0 and not self.rules.may_be_empty:
            reason = "a line after the header is expected (setting may_be_empty)"
            yield UnreadableRow(1, reason, FindingKind.EMPTY_FILE)

    def _plain_rows(self, header: tuple[str, ...]) -> PlainRows:
        places = _places(header, self.columns)
        return PlainRows(self.rules, self.shape, self.provider, places, len(header))


def _block_lines(
    block: PlainBlock, totals: ControlTotals
) -> Iterator[StagedRows | UnreadableRow]:
    """The records of plain rows, or the problem that they follow the trailer."""
    if totals.has_ended:
        yield from map(totals.after_end, block.rows)
        return
    totals.add_rows(len(block.rows), block.stated)
    yield block.records


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, reader: StatementReader, table: Table) -> None:
        self._reader = reader
        self._rules = reader.rules
        self._shape = reader.shape
        self._provider = reader.provider
        self._columns = reader.columns
        self._header = table.header
        self._places = _places(table.header, self._columns)
        self._normalizer = reader.normalizer

    def read(self, row: TableRow, totals: ControlTotals) -> HistoryRecord | UnreadableRow:
        """The record of a row, or the problem with it; the totals count it."""
        totals.rows += 1
        cells: Mapping[str, Cell] = {}
        try:
            places = self._places if row.names is None else _places(row.names, self._columns)
            if self._header is not None and row.width != len(self._header):
                self._reader.check_width(row, self._header)
            cells = _cells(row, places)
            values = self._values(cells, totals)
            record = read_record(self._shape, self._provider, values.cells, row.raw)
        except Malformed as error:
            return UnreadableRow(row.line, cell_sentence(error, cells, self._columns))
        allowed = self._rules.currencies
        if allowed and record.currency not in allowed:
            reason = f"one of {', '.join(allowed)} is expected, as declared"
            undeclared = Malformed("currency", reason)
            sentence = cell_sentence(undeclared, cells, self._columns)
            return UnreadableRow(row.line, sentence, FindingKind.MIXED_CURRENCIES)
        return record

    def _values(self, cells: Mapping[str, Cell], totals: ControlTotals) -> RowValues:
        """The values of a row; the total includes an amount beside unreadable values."""
        summed = totals.summed
        try:
            values = self._normalizer.values(cells)
        except Malformed:
            if summed is not None and summed in cells:
                with suppress(Malformed):
                    totals.add(self._normalizer.stated(cells[summed], summed, cells))
            raise
        if summed is not None:
            totals.add(values.amounts.get(summed))
        return values


def cell_sentence(
    error: Malformed, cells: Mapping[str, Cell], columns: Mapping[str, tuple[str, ...]]
) -> str:
    """A problem with the place, the column and the beginning of what is there."""
    cell = cells.get(error.path)
    if cell is None:
        return str(error)
    place = f"cell {cell.place}, " if cell.place else ""
    names = columns[error.path]
    named = "" if names == (error.path,) else f" (column {', '.join(names)})"
    value = "nothing" if cell.text == "" else shown(cell.text)
    return f"{place}{error.path}{named}: {error.reason}; found {value}"


def _places(
    names: tuple[str, ...] | None, columns: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[int, ...]]:
    """The indexes of each of our fields among these names, without fields that are missing."""
    if names is None:
        return {}
    places = {name: place for place, name in enumerate(names)}
    return {
        ours: tuple(places[column] for column in theirs)
        for ours, theirs in columns.items()
        if all(column in places for column in theirs)
    }


def _cells(row: TableRow, places: Mapping[str, tuple[int, ...]]) -> dict[str, Cell]:
    """The cells of a row by our names of the fields."""
    cells = row.cells  # of a text row they are made when they are asked for
    return {
        name: cells[indexes[0]]
        if len(indexes) == 1
        else joined(cells[index] for index in indexes)
        for name, indexes in places.items()
    }
