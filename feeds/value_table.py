"""Other tables that people send, such as players and invoices, read like statements.

The same readers, the same notations of values, the same sentences about what is wrong: a byte
order mark, ``sep=`` lines, protected ids, marks of amounts, quoted line breaks, workbooks and
packed files are read as in statements. The delimiter is the one under which the first lines
have all needed columns.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import Cell, CellKind
from feeds.statements.reading.confined.limits import LimitExceeded
from feeds.statements.reading.confined.meter import ReadMeter
from feeds.statements.reading.confined.process import ReaderCrashed
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.header import header_problem
from feeds.statements.reading.open_table import needs_child, opened_table
from feeds.statements.reading.read_file import items_of
from feeds.statements.reading.reader import cell_sentence
from feeds.statements.reading.recognition import DELIMITERS, LINES_MAX
from feeds.statements.reading.table import Table, TableRow, UnreadableRow
from feeds.statements.reading.text_lines import SAMPLE_BYTES, decoded_sample, marked_encoding
from feeds.statements.reading.unpack import unpacked
from feeds.statements.reading.values.row import RowNormalizer
from feeds.statements.reading.values.text import bare
from providers.contract import Provider
from providers.statements.format import FieldKind, TableFormat
from vocabulary.errors import Malformed
from vocabulary.plurals import counted

# Such files have no settings: what a statement declares there is an option of the command.
_SETTINGS = re.compile(r"\(settings? ([a-z_, ]+)\)")
_BROKEN = "a table is expected, this file is broken or cut from here on"


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One row: its values in plain notation by column, and its cells as in the file."""

    line: int
    values: Mapping[str, str]
    cells: Mapping[str, Cell]

    def problem(self, error: Malformed) -> UnreadableRow:
        """The row as unreadable for a reason that is about one of its columns."""
        columns = {name: (name,) for name in self.cells}
        return UnreadableRow(self.line, cell_sentence(error, self.cells, columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueReader:
    """Reads the files of one kind.

    Attributes:
        fields: the names of the columns, and how their values are read.
        optional: columns that a file may leave out.
        id_prefix: further columns that begin with it hold ids; empty: there are none.
        amounts_in: columns whose amounts are in another currency than their row, and in which.
        exponents: overrides of decimal places.
        ignores_others: columns that are not among the fields are ignored, not refused.
        rules: how the values are written.
    """

    fields: Mapping[str, FieldKind]
    optional: frozenset[str] = frozenset()
    id_prefix: str = ""
    amounts_in: Mapping[str, str] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)
    ignores_others: bool = False
    rules: FileRules = field(default_factory=partial(FileRules, final_newline=False))

    def read(self, stream: BinaryIO, name: str) -> Iterator[ValueRow | UnreadableRow]:
        """Every row of a file, or the problem with it, in file order.

        Args:
            stream: a real file, from its start; seekable.
            name: its name; decides the format if the content does not.
        """
        line = 0
        try:
            for item in items_of(partial(self._read, name=name), self.rules.limits, stream):
                assert isinstance(item, ValueRow | UnreadableRow)
                line = item.line
                yield _with_options(item) if isinstance(item, UnreadableRow) else item
        except LimitExceeded as error:
            yield UnreadableRow(line + 1, str(error), FindingKind.LIMIT_EXCEEDED)
        except ReaderCrashed as error:
            reason = f"{_BROKEN} ({error})"
            yield UnreadableRow(line + 1, reason, FindingKind.TRUNCATED_FILE)

    def _read(self, stream: BinaryIO, name: str) -> Iterator[ValueRow | UnreadableRow]:
        meter = ReadMeter(self.rules.limits)
        try:
            yield from self._rows(stream, name, meter)
        except LimitExceeded:
            raise
        except Exception as error:  # noqa: BLE001 - no file may break the command
            reason = f"{_BROKEN} ({type(error).__name__})"
            yield UnreadableRow(meter.line + 1, reason, FindingKind.TRUNCATED_FILE)

    def _rows(
        self, stream: BinaryIO, name: str, meter: ReadMeter
    ) -> Iterator[ValueRow | UnreadableRow]:
        shape = _shape(self.fields, self.optional)
        columns = {column: (column,) for column in self.fields}
        rules = self._with_delimiter(self._start(stream, name))
        with opened_table(stream, name, rules, shape, columns) as table:
            if isinstance(table, UnreadableRow):
                yield table
            elif problem := header_problem(table, columns, shape) or self._unknown(table):
                yield problem
            else:
                read_row = _RowReader(self, rules, table.header or ())
                for row in meter.metered(table.rows):
                    yield row if isinstance(row, UnreadableRow) else read_row(row)

    def _start(self, stream: BinaryIO, name: str) -> bytes:
        """The first bytes of the file inside a packed file, or of the file itself."""
        with unpacked(stream, name, self.rules.limits.unpacked_bytes) as content:
            start = (
                b"" if isinstance(content, UnreadableRow) else content.stream.read(SAMPLE_BYTES)
            )
        stream.seek(0)
        return start

    def _with_delimiter(self, start: bytes) -> FileRules:
        """The rules with the delimiter under which a line has all needed columns."""
        if needs_child(start):
            return self.rules
        encoding = marked_encoding(start) or self.rules.encoding
        needed = set(self.fields) - self.optional
        for line in decoded_sample(start, encoding).splitlines()[:LINES_MAX]:
            for delimiter in DELIMITERS:
                names = {bare(cell.strip('" ')) for cell in line.split(delimiter)}
                if needed <= names:
                    return replace(self.rules, delimiter=delimiter, encoding=encoding)
        return replace(self.rules, encoding=encoding)

    def reads(self, column: str) -> bool:
        """Whether the values of a column are read; the others are ignored."""
        return column in self.fields or not self.ignores_others

    def _unknown(self, table: Table) -> UnreadableRow | None:
        """The problem with the first column that no such file has, or has twice."""
        header = [name for name in table.header or () if name and self.reads(name)]
        for name in header:
            is_further = bool(self.id_prefix) and name.startswith(self.id_prefix)
            if name not in self.fields and not is_further:
                expected = ", ".join(self.fields)
                reason = f"header: the column {name!r} is unknown; {expected} are expected"
                return UnreadableRow(table.header_line, reason, FindingKind.WRONG_COLUMNS)
        if len(set(header)) != len(header):
            reason = "header: every column is expected once"
            return UnreadableRow(table.header_line, reason, FindingKind.WRONG_COLUMNS)
        return None


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, reader: ValueReader, rules: FileRules, header: tuple[str, ...]) -> None:
        names = [name for name in header if name and reader.reads(name)]
        kinds = {name: reader.fields.get(name, FieldKind.ID) for name in names}
        shape = _shape(kinds or reader.fields, reader.optional)
        self._header = header
        self._reads = reader.reads
        self._amounts_in = reader.amounts_in
        self._normalizers = {
            currency: RowNormalizer(rules, shape, _provider(currency, reader.exponents))
            for currency in {"", *reader.amounts_in.values()}
        }

    def __call__(self, row: TableRow) -> ValueRow | UnreadableRow:
        """The values of a row, or the problem with it."""
        names, cells = row.names or self._header, row.cells
        while len(cells) > len(names) and cells[-1].kind is CellKind.EMPTY:
            cells = cells[:-1]
        if len(cells) != len(names):
            reason = (
                f"line: {counted(len(names), 'field is expected', 'fields are expected')}"
                f"; found {len(cells)}"
            )
            return UnreadableRow(row.line, reason)
        by_name = {
            name: cell
            for name, cell in zip(names, cells, strict=True)
            if name and self._reads(name)
        }
        try:
            values = self._values(by_name)
        except Malformed as error:
            return ValueRow(row.line, {}, by_name).problem(error)
        return ValueRow(row.line, {name: cell.text for name, cell in values.items()}, by_name)

    def _values(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        own = {name: cell for name, cell in cells.items() if name not in self._amounts_in}
        values = dict(self._normalizers[""].values(own).cells)
        for name, currency in self._amounts_in.items():
            if name in cells:
                values |= self._normalizers[currency].values({name: cells[name]}).cells
        return values


def _provider(currency: str, exponents: Mapping[str, int]) -> Provider:
    """What reading values needs of a provider."""
    return Provider(slug="", currency=currency, exponents=exponents, secrets=(), options={})


def _with_options(row: UnreadableRow) -> UnreadableRow:
    """The row with options of the command in place of settings of a statement."""

    def options(match: re.Match[str]) -> str:
        names = (f"--{name.strip().replace('_', '-')}" for name in match[1].split(","))
        return f"({', '.join(names)})"

    return replace(row, reason=_SETTINGS.sub(options, row.reason))


def _shape(fields: Mapping[str, FieldKind], optional: frozenset[str]) -> TableFormat:
    return TableFormat(fields=fields, optional=optional, native="csv")
