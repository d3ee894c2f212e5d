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
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind, normalized
from feeds.statements.file_format import FileRules, Trailer
from feeds.statements.header import header_problem
from feeds.statements.limits import LimitExceeded
from feeds.statements.meter import ReadMeter
from feeds.statements.open_table import opened_table
from feeds.statements.table import Table, TableRow, UnreadableRow
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
    def columns(self) -> dict[str, str]:
        """Our name of every field to the name of its column."""
        return {**self._expected, **self.rules.columns}

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

    def _records(
        self, table: Table, meter: ReadMeter
    ) -> Iterator[HistoryRecord | UnreadableRow]:
        totals = _ControlTotals(self.rules.trailer)
        places = _places(table.header, self.columns)
        line_reader = _LineReader(self.dialect, self.provider, self._expected)
        for row in meter.metered(table.rows):
            if isinstance(row, UnreadableRow):
                totals.rows += 1
                yield row
            elif totals.is_trailer(row):
                yield from totals.check_trailer(row)
            else:
                yield self._record(row, table, places, line_reader, totals)
        yield from totals.check_end()
        if totals.rows == 0 and not self.rules.may_be_empty:
            reason = "a line after the header is expected (setting may_be_empty)"
            yield UnreadableRow(1, reason, FindingKind.EMPTY_FILE)

    def _record(
        self,
        row: TableRow,
        table: Table,
        places: Mapping[str, int],
        line_reader: "_LineReader",
        totals: "_ControlTotals",
    ) -> HistoryRecord | UnreadableRow:
        totals.rows += 1
        try:
            cells = self._cells(row, table, places)
            totals.add(cells)
            record = line_reader.read(cells)
        except Malformed as error:
            return UnreadableRow(row.line, str(error))
        allowed = self.rules.currencies
        if allowed and record.currency not in allowed:
            reason = f"currency: one of {', '.join(allowed)} is expected, as declared"
            return UnreadableRow(row.line, reason, FindingKind.MIXED_CURRENCIES)
        return replace(record, raw=row.raw)

    def _cells(self, row: TableRow, table: Table, places: Mapping[str, int]) -> dict[str, Cell]:
        if table.header is not None and len(row.cells) != len(table.header):
            self._check_width(row, table.header)
        if row.names is not None:
            places = _places(row.names, self.columns)
        kinds = self.shape.fields
        return {
            name: normalized(row.cells[place], name, kinds[name], self.rules)
            for name, place in places.items()
        }

    def _check_width(self, row: TableRow, header: tuple[str, ...]) -> None:
        """Accept one empty field over the header's if no other field can have moved.

        An instant that is the last of our columns would not be one if a delimiter inside an
        earlier field had moved it.

        Raises:
            Malformed: the row is not as wide as the header.
        """
        width = len(header)
        if len(row.cells) == width + 1 and row.cells[width].kind is CellKind.EMPTY:
            kinds = self.shape.fields
            ours = [name for name in self.columns if self.columns[name] in header]
            last = max(ours, key=lambda name: header.index(self.columns[name]))
            if self.rules.trailing_delimiter or kinds[last] is FieldKind.INSTANT:
                return
            raise Malformed(
                "line",
                f"{width} fields are expected and one more is there, an empty one; if each"
                " line ends with a delimiter, set trailing_delimiter = true",
            )
        raise Malformed("line", f"{width} fields are expected, {len(row.cells)} are there")


def _places(names: tuple[str, ...] | None, columns: Mapping[str, str]) -> dict[str, int]:
    """The index of each of our fields among these names, without fields that are missing."""
    if names is None:
        return {}
    places = {name: place for place, name in enumerate(names)}
    return {ours: places[theirs] for ours, theirs in columns.items() if theirs in places}


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


class _ControlTotals:
    """The number of rows and the sum of a field, compared with the trailer of the file."""

    def __init__(self, trailer: Trailer | None) -> None:
        self.rows = 0
        self._trailer = trailer
        self._total = Decimal(0)
        self._has_ended = False

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Add the summed field; a value that is no number is a finding of its own line."""
        field = self._trailer.of if self._trailer is not None else None
        if field is None or field not in cells:
            return
        try:
            self._total += Decimal(cells[field].text or "0")
        except InvalidOperation:
            return

    def is_trailer(self, row: TableRow) -> bool:
        """Whether the row is the trailer."""
        trailer = self._trailer
        return trailer is not None and bool(row.cells) and row.cells[0].text == trailer.marker

    def check_trailer(self, row: TableRow) -> Iterator[UnreadableRow]:
        """A problem for each control total that differs from the rows read."""
        assert self._trailer is not None
        self._has_ended = True
        for place, actual, name in (
            (self._trailer.rows, Decimal(self.rows), "number of lines"),
            (self._trailer.total, self._total, f"total of {self._trailer.of}"),
        ):
            if place is not None and _number(row, place) != actual:
                reason = f"the last line has another {name} than the file, which has {actual}"
                yield UnreadableRow(row.line, reason, FindingKind.TRUNCATED_FILE)

    def check_end(self) -> Iterator[UnreadableRow]:
        """A problem if the file ended without its declared trailer."""
        if self._trailer is not None and not self._has_ended:
            reason = f"a last line {self._trailer.marker} is expected: the file may be cut"
            yield UnreadableRow(self.rows + 1, reason, FindingKind.TRUNCATED_FILE)


def _number(row: TableRow, place: int) -> Decimal | None:
    if place > len(row.cells):
        return None
    try:
        return Decimal(row.cells[place - 1].text)
    except InvalidOperation:
        return None
