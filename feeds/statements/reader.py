"""Statement files of any format, read line by line with the dialect's own reader.

A file becomes a table of cells. The cells of a row are normalized and written as one line in
the dialect's own format and column names, and the dialect reads that line. Every line ends as a
record or as a finding. The record keeps the line as received. Whatever the file is, reading it
raises nothing: what breaks a reader is a finding, too.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind, shown
from feeds.statements.confined.limits import LimitExceeded
from feeds.statements.confined.meter import ReadMeter
from feeds.statements.file_format import FileRules
from feeds.statements.header import header_problem
from feeds.statements.open_table import opened_table
from feeds.statements.table import Table, TableRow, UnreadableRow
from feeds.statements.values.control_totals import ControlTotals
from feeds.statements.values.row import RowNormalizer, RowValues, joined
from providers.contract import Provider
from providers.dialect import Dialect
from providers.options import texts_of
from providers.statements.format import FieldKind, StatementFormat
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord

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

    def read(self, stream: BinaryIO, name: str) -> Iterator[HistoryRecord | UnreadableRow]:
        """Every line of a file as a record or as the problem with it, in file order.

        Args:
            stream: the file, from its start; seekable.
            name: the file's name; decides the format if neither content nor settings do.
        """
        meter = ReadMeter(self.rules.limits)
        try:
            yield from self._read(stream, name, meter)
        except LimitExceeded as error:
            yield UnreadableRow(meter.line + 1, str(error), FindingKind.LIMIT_EXCEEDED)
        except MemoryError:
            reason = str(self.rules.limits.exceeded("memory_bytes"))
            yield UnreadableRow(meter.line + 1, reason, FindingKind.LIMIT_EXCEEDED)
        except Exception as error:  # noqa: BLE001 - no file may break the import
            reason = f"{_BROKEN} ({type(error).__name__})"
            yield UnreadableRow(meter.line + 1, reason, FindingKind.TRUNCATED_FILE)

    def _read(
        self, stream: BinaryIO, name: str, meter: ReadMeter
    ) -> Iterator[HistoryRecord | UnreadableRow]:
        if len(self._expected) != len(self.shape.fields):
            reason = f"header: {len(self.shape.fields)} names in statement_columns are expected"
            yield UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
            return
        with opened_table(stream, name, self.rules, self.shape, self.columns) as table:
            if isinstance(table, UnreadableRow):
                yield table
            elif problem := header_problem(table, self.columns, self.shape):
                yield problem
            else:
                yield from self._records(table, meter)

    def cells(self, row: TableRow, header: tuple[str, ...] | None) -> dict[str, Cell]:
        """The cells of a row by our names of the fields, as in the file.

        Args:
            row: of a table.
            header: the names of the table's columns; None if each row has its own.

        Raises:
            Malformed: the row is not as wide as the header.
        """
        places = _places(row.names or header, self.columns)
        if header is not None and len(row.cells) != len(header):
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
                f"{width} fields are expected and one more is there, an empty one; if each"
                " line ends with a delimiter, set trailing_delimiter = true",
            )
        raise Malformed("line", f"{width} fields are expected; found {len(row.cells)}")

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
        self, table: Table, meter: ReadMeter
    ) -> Iterator[HistoryRecord | UnreadableRow]:
        totals = ControlTotals(self.rules)
        rows = _RowReader(self, table)
        for row in meter.metered(table.rows):
            if isinstance(row, UnreadableRow):
                totals.rows += 1
                yield row
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

    def line_reader(self) -> "_LineReader":
        """A new reader of single lines in the dialect's own format."""
        return _LineReader(self.dialect, self.provider, self._expected)


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, reader: StatementReader, table: Table) -> None:
        self._reader = reader
        self._rules = reader.rules
        self._columns = reader.columns
        self._header = table.header
        self._places = _places(table.header, self._columns)
        self._normalizer = reader.normalizer
        self._line_reader = reader.line_reader()

    def read(self, row: TableRow, totals: ControlTotals) -> HistoryRecord | UnreadableRow:
        """The record of a row, or the problem with it; the totals count it."""
        totals.rows += 1
        cells: Mapping[str, Cell] = {}
        try:
            places = self._places if row.names is None else _places(row.names, self._columns)
            if self._header is not None and len(row.cells) != len(self._header):
                self._reader.check_width(row, self._header)
            cells = _cells(row, places)
            values = self._values(cells, totals)
            record = self._line_reader.read(values.cells)
        except Malformed as error:
            return UnreadableRow(row.line, cell_sentence(error, cells, self._columns))
        allowed = self._rules.currencies
        if allowed and record.currency not in allowed:
            reason = f"one of {', '.join(allowed)} is expected, as declared"
            undeclared = Malformed("currency", reason)
            sentence = cell_sentence(undeclared, cells, self._columns)
            return UnreadableRow(row.line, sentence, FindingKind.MIXED_CURRENCIES)
        return replace(record, raw=row.raw)

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
    return {
        name: row.cells[indexes[0]]
        if len(indexes) == 1
        else joined(row.cells[index] for index in indexes)
        for name, indexes in places.items()
    }


class _LineQueue(io.BytesIO):
    """A file whose lines are written just before they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def readline(self, _size: int | None = -1, /) -> bytes:
        """The next line; one is always queued."""
        return self.lines.pop(0)


class _LineReader:
    """Feeds one row at a time to the dialect's own statement reader."""

    def __init__(
        self, dialect: Dialect, provider: Provider, expected: Mapping[str, str]
    ) -> None:
        assert dialect.statement is not None, dialect.name
        self._shape = dialect.statement
        self._queue = _LineQueue()
        if self._shape.native == "csv":
            self._queue.lines.append(_csv_line(expected.values()))
        self._results = self._shape.read(self._queue, provider)

    def read(self, cells: Mapping[str, Cell]) -> HistoryRecord:
        """The record that the dialect reads from the cells of a row.

        Raises:
            Malformed: the dialect refuses the row.
        """
        write = _as_csv if self._shape.native == "csv" else _as_json
        self._queue.lines.append(write(cells, self._shape))
        result = next(self._results, None)
        if result is None:
            raise Malformed("header", "column names that differ are expected")
        if isinstance(result, HistoryRecord):
            return result
        path, _, reason = result.reason.partition(": ")
        raise Malformed(path, reason)


def _as_csv(cells: Mapping[str, Cell], shape: StatementFormat) -> bytes:
    missing = [name for name in shape.fields if name not in cells]
    if missing:
        raise Malformed("line", f"these fields are missing: {', '.join(missing)}")
    return _csv_line(cells[name].text for name in shape.fields)


def _csv_line(values: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    line = text.getvalue()
    if "\n" in line[:-1] or "\r" in line:
        raise Malformed("line", "fields without line breaks are expected")
    return line.encode("utf-8", "backslashreplace")


def _as_json(cells: Mapping[str, Cell], shape: StatementFormat) -> bytes:
    fields = [
        f"{json.dumps(name)}:{_json_text(cell)}"
        for name, cell in cells.items()
        if cell.kind is not CellKind.EMPTY or name not in shape.optional
    ]
    return ("{" + ",".join(fields) + "}\n").encode()


def _json_text(cell: Cell) -> str:
    if cell is EMPTY or cell.kind is CellKind.EMPTY:
        return "null"
    return cell.text if cell.kind is CellKind.EXACT else json.dumps(cell.text)
