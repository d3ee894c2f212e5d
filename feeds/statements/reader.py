"""Statement files of any format, read by the dialect's own reader, line by line.

A file becomes a table of cells; a row's cells become the one line that the dialect expects, in
its own column names, with whatever was declared about the file undone; the dialect reads that
line. Between the bytes and the dialect nothing is guessed, and every line ends as a record or
as a finding. The record keeps the line as received.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from feeds.findings import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind, plain
from feeds.statements.csv_jsonl import csv_table, json_table
from feeds.statements.file_format import FileFormat, FileRules, Trailer
from feeds.statements.table import Table, TableRow, UnreadableRow
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
    """How the files of one provider are read.

    Attributes:
        dialect: one that reads statements.
        rules: what was declared about the files; ``columns`` may name only some fields.
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
        """Our name of every field to the name that the dialect's own reader looks for."""
        fields = tuple(self.shape.fields)
        named = "statement_columns" in self.provider.options
        names = texts_of(self.provider, "statement_columns") if named else fields
        return dict(zip(fields, names, strict=False))

    def read(self, stream: BinaryIO, name: str) -> Iterator[HistoryRecord | UnreadableRow]:
        """Every line of a file as a record or as what is wrong with it, in file order.

        Args:
            stream: the file, from its start; seekable.
            name: tells the format where neither the file nor the settings do.
        """
        if len(self._expected) != len(self.shape.fields):
            reason = f"header: {len(self.shape.fields)} names in statement_columns are expected"
            yield UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
            return
        table = open_table(stream, name, self.rules, self.shape)
        if isinstance(table, UnreadableRow):
            yield table
            return
        if wrong := misfit(table, self.columns, self.shape):
            yield wrong
            return
        yield from self._records(table)

    def _records(self, table: Table) -> Iterator[HistoryRecord | UnreadableRow]:
        tally = _Tally(self.rules.trailer)
        order = _order(table.header, self.columns)
        canonical = _Canonical(self.dialect, self.provider, self._expected)
        for row in table.rows:
            if isinstance(row, UnreadableRow):
                tally.rows += 1
                yield row
            elif tally.is_trailer(row):
                yield from tally.closed(row)
            else:
                yield self._record(row, table, order, canonical, tally)
        yield from tally.ended()
        if tally.rows == 0 and not self.rules.may_be_empty:
            reason = "a line after the header is expected (setting may_be_empty)"
            yield UnreadableRow(1, reason, FindingKind.EMPTY_FILE)

    def _record(
        self,
        row: TableRow,
        table: Table,
        order: Mapping[str, int],
        canonical: "_Canonical",
        tally: "_Tally",
    ) -> HistoryRecord | UnreadableRow:
        tally.rows += 1
        try:
            cells = self._cells(row, table, order)
            tally.add(cells)
            record = canonical.read(cells)
        except Malformed as error:
            return UnreadableRow(row.line, str(error))
        allowed = self.rules.currencies
        if allowed and record.currency not in allowed:
            reason = f"currency: one of {', '.join(allowed)} is expected, as declared"
            return UnreadableRow(row.line, reason, FindingKind.MIXED_CURRENCIES)
        return replace(record, raw=row.raw)

    def _cells(self, row: TableRow, table: Table, order: Mapping[str, int]) -> dict[str, Cell]:
        if table.header is not None and len(row.cells) != len(table.header):
            raise Malformed("line", f"{len(table.header)} fields are expected")
        if row.names is not None:
            order = _order(row.names, self.columns)
        kinds = self.shape.fields
        return {
            name: plain(row.cells[place], name, kinds[name], self.rules)
            for name, place in order.items()
        }


def open_table(
    stream: BinaryIO, name: str, rules: FileRules, shape: StatementFormat
) -> Table | UnreadableRow:
    """The file as a table, by its declared format or by what it is."""
    start = stream.read(4)
    stream.seek(0)
    found = _format_of(start, name, shape)
    wanted = rules.format or found
    binary = {FileFormat.XLSX, FileFormat.PARQUET}
    if start == _OLD_WORKBOOK:
        reason = "a statement is expected, this is an old or an encrypted workbook"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if wanted is not found and (found in binary or wanted in binary):
        seen = found if found in binary else "something else"
        reason = f"a {wanted} file is expected, this is {seen}"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    match wanted:
        case FileFormat.CSV:
            return csv_table(stream, rules)
        case FileFormat.JSONL:
            return json_table(stream, rules)
        case FileFormat.XLSX:
            from feeds.statements.xlsx import xlsx_table  # noqa: PLC0415 - heavy, and for few

            return xlsx_table(stream, rules)
        case FileFormat.PARQUET:
            from feeds.statements.parquet import parquet_table  # noqa: PLC0415 - for few

            return parquet_table(stream)


def misfit(
    table: Table, columns: Mapping[str, str], shape: StatementFormat
) -> UnreadableRow | None:
    """Why the header does not hold each needed column once, if it does not."""
    if table.header is None:
        return None
    needed = [column for ours, column in columns.items() if ours not in shape.optional]
    missing = [column for column in needed if column not in table.header]
    if missing:
        reason = f"header: these columns are missing: {', '.join(missing)}"
        return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
    if any(table.header.count(column) > 1 for column in columns.values()):
        reason = "header: each column once is expected"
        return UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)
    return None


def _format_of(start: bytes, name: str, shape: StatementFormat) -> FileFormat:
    lowered = name.lower()
    if start.startswith(b"PK\x03\x04") or lowered.endswith(".xlsx"):
        return FileFormat.XLSX
    if start == b"PAR1" or lowered.endswith(".parquet"):
        return FileFormat.PARQUET
    suffix = next((each for each in _SUFFIXES if lowered.endswith(each)), "")
    return _SUFFIXES.get(suffix, FileFormat(shape.native))


def _order(names: tuple[str, ...] | None, columns: Mapping[str, str]) -> dict[str, int]:
    """Where our fields stand among these names; those that are not there are left out."""
    if names is None:
        return {}
    places = {name: place for place, name in enumerate(names)}
    return {ours: places[theirs] for ours, theirs in columns.items() if theirs in places}


class _OneLine(io.BytesIO):
    """A file that is written one line ahead of its reader."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead: list[bytes] = []

    def readline(self, _size: int | None = -1, /) -> bytes:
        """The next line; there always is one."""
        return self.ahead.pop(0)


class _Canonical:
    """One row at a time as the file that the dialect's own reader takes."""

    def __init__(
        self, dialect: Dialect, provider: Provider, expected: Mapping[str, str]
    ) -> None:
        assert dialect.statement is not None, dialect.name
        self._shape = dialect.statement
        self._file = _OneLine()
        if self._shape.native == "csv":
            self._file.ahead.append(_csv_line(expected.values()))
        self._found = self._shape.read(self._file, provider)

    def read(self, cells: Mapping[str, Cell]) -> HistoryRecord:
        """What the dialect reads in it.

        Raises:
            Malformed: it reads nothing in it.
        """
        write = _as_csv if self._shape.native == "csv" else _as_json
        self._file.ahead.append(write(cells, self._shape))
        found = next(self._found, None)
        if found is None:
            raise Malformed("header", "names that can be told apart are expected")
        if isinstance(found, HistoryRecord):
            return found
        path, _, reason = found.reason.partition(": ")
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
    told = [
        f"{json.dumps(name)}:{_json_text(cell)}"
        for name, cell in cells.items()
        if cell.kind is not CellKind.EMPTY or name not in shape.optional
    ]
    return ("{" + ",".join(told) + "}\n").encode()


def _json_text(cell: Cell) -> str:
    if cell is EMPTY or cell.kind is CellKind.EMPTY:
        return "null"
    return cell.text if cell.kind is CellKind.EXACT else json.dumps(cell.text)


class _Tally:
    """What was read, held against what the file says at its end."""

    def __init__(self, trailer: Trailer | None) -> None:
        self.rows = 0
        self._trailer = trailer
        self._total = Decimal(0)
        self._is_closed = False

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Sum the declared field; what is no number is its line's own finding."""
        summed = self._trailer.of if self._trailer is not None else None
        if summed is None or summed not in cells:
            return
        try:
            self._total += Decimal(cells[summed].text or "0")
        except InvalidOperation:
            return

    def is_trailer(self, row: TableRow) -> bool:
        """Whether the row is the last one, which says how much there should have been."""
        trailer = self._trailer
        return trailer is not None and bool(row.cells) and row.cells[0].text == trailer.marker

    def closed(self, row: TableRow) -> Iterator[UnreadableRow]:
        """Hold the trailer against what was read."""
        assert self._trailer is not None
        self._is_closed = True
        for place, have, what in (
            (self._trailer.rows, Decimal(self.rows), "lines"),
            (self._trailer.total, self._total, f"in all of {self._trailer.of}"),
        ):
            if place is not None and _number(row, place) != have:
                reason = f"the file announces another number {what} than it has, {have}"
                yield UnreadableRow(row.line, reason, FindingKind.TRUNCATED_FILE)

    def ended(self) -> Iterator[UnreadableRow]:
        """Hold the end of the file against what was declared of it."""
        if self._trailer is not None and not self._is_closed:
            reason = f"a last line {self._trailer.marker} is expected: the file may be cut"
            yield UnreadableRow(self.rows + 1, reason, FindingKind.TRUNCATED_FILE)


def _number(row: TableRow, place: int) -> Decimal | None:
    if place > len(row.cells):
        return None
    try:
        return Decimal(row.cells[place - 1].text)
    except InvalidOperation:
        return None
