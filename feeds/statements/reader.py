"""Statement files of any format, read line by line with the dialect's own reader.

A file becomes a table of cells. The cells of a row are normalized and written as one line in
the dialect's own format and column names, and the dialect reads that line. Every line ends as a
record or as a finding. The record keeps the line as received.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

from feeds.findings import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind, shown
from feeds.statements.csv_jsonl import csv_table, json_table
from feeds.statements.file_format import FileFormat, FileRules
from feeds.statements.table import Table, TableRow, UnreadableRow
from feeds.statements.values.control_totals import ControlTotals
from feeds.statements.values.row import RowNormalizer, RowValues, joined
from providers.contract import Provider
from providers.dialect import Dialect
from providers.options import texts_of
from providers.statements.format import StatementFormat
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord

_SUFFIXES: Mapping[str, FileFormat] = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".json": FileFormat.JSONL,
}
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


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
        if len(self._expected) != len(self.shape.fields):
            reason = f"header: {len(self.shape.fields)} names in statement_columns are expected"
            yield UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
            return
        table = open_table(stream, name, self.rules, self.shape)
        if isinstance(table, UnreadableRow):
            yield table
            return
        if problem := header_problem(table, self.columns, self.shape):
            yield problem
            return
        yield from self._records(table)

    def cells(self, row: TableRow, table: Table) -> dict[str, Cell]:
        """The cells of a row by our names of the fields, as in the file.

        Raises:
            Malformed: the row has more or fewer cells than the header.
        """
        return _cells(row, table.header, _places(row.names or table.header, self.columns))

    def _records(self, table: Table) -> Iterator[HistoryRecord | UnreadableRow]:
        totals = ControlTotals(self.rules)
        rows = _RowReader(self, table)
        for row in table.rows:
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
            cells = _cells(row, self._header, places)
            values = self._values(cells, totals)
            record = self._line_reader.read(values.cells)
        except Malformed as error:
            return UnreadableRow(row.line, self._sentence(error, cells))
        allowed = self._rules.currencies
        if allowed and record.currency not in allowed:
            reason = f"one of {', '.join(allowed)} is expected, as declared"
            sentence = self._sentence(Malformed("currency", reason), cells)
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

    def _sentence(self, error: Malformed, cells: Mapping[str, Cell]) -> str:
        """A problem with the place, the column and the beginning of what is there."""
        cell = cells.get(error.path)
        if cell is None:
            return str(error)
        place = f"cell {cell.place}, " if cell.place else ""
        columns = self._columns[error.path]
        named = "" if columns == (error.path,) else f" (column {', '.join(columns)})"
        value = "nothing" if cell.text == "" else shown(cell.text)
        return f"{place}{error.path}{named}: {error.reason}; found {value}"


def open_table(
    stream: BinaryIO, name: str, rules: FileRules, shape: StatementFormat
) -> Table | UnreadableRow:
    """The file as a table, in its declared format or in the one it is recognized as."""
    start = stream.read(4)
    stream.seek(0)
    recognized = _format_of(start, name, shape)
    declared = rules.format or recognized
    binary = {FileFormat.XLSX, FileFormat.PARQUET}
    if start == _OLD_WORKBOOK:
        reason = "a statement is expected, this is an old or an encrypted workbook"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if declared is not recognized and (recognized in binary or declared in binary):
        actual = recognized if recognized in binary else "another format"
        reason = f"a {declared} file is expected, this is {actual}"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    match declared:
        case FileFormat.CSV:
            return csv_table(stream, rules)
        case FileFormat.JSONL:
            return json_table(stream, rules)
        case FileFormat.XLSX:
            from feeds.statements.xlsx import xlsx_table  # noqa: PLC0415 - openpyxl loads in 0.2 s

            return xlsx_table(stream, rules)
        case FileFormat.PARQUET:
            from feeds.statements.parquet import parquet_table  # noqa: PLC0415 - pyarrow: 45 MB

            return parquet_table(stream)


def header_problem(
    table: Table, columns: Mapping[str, tuple[str, ...]], shape: StatementFormat
) -> UnreadableRow | None:
    """What is wrong with the header: a needed column missing, or a column twice."""
    if table.header is None:
        return None
    needed = [
        column
        for ours, names in columns.items()
        if ours not in shape.optional
        for column in names
    ]
    missing = [column for column in needed if column not in table.header]
    if missing:
        reason = f"header: these columns are missing: {', '.join(missing)}"
        return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
    if any(table.header.count(column) > 1 for names in columns.values() for column in names):
        reason = "header: each column once is expected"
        return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
    return None


def _format_of(start: bytes, name: str, shape: StatementFormat) -> FileFormat:
    lowered = name.lower()
    if start.startswith(b"PK\x03\x04") or lowered.endswith(".xlsx"):
        return FileFormat.XLSX
    if start == b"PAR1" or lowered.endswith(".parquet"):
        return FileFormat.PARQUET
    by_name = (form for suffix, form in _SUFFIXES.items() if lowered.endswith(suffix))
    return next(by_name, FileFormat(shape.native))


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


def _cells(
    row: TableRow, header: tuple[str, ...] | None, places: Mapping[str, tuple[int, ...]]
) -> dict[str, Cell]:
    """The cells of a row by our names of the fields.

    Raises:
        Malformed: the row has more or fewer cells than the header.
    """
    if header is not None and len(row.cells) != len(header):
        raise Malformed("line", f"{len(header)} fields are expected; found {len(row.cells)}")
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
