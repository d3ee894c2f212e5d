"""Statement files as the settings declare them: a reader, and a preview of one file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from feeds.statements.reading.cells import EMPTY, Cell, CellKind
from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import (
    AmountSign,
    AmountUnit,
    FileFormat,
    FileRules,
    Grouping,
    IdCase,
    Trailer,
)
from feeds.statements.reading.read_file import FileSample, read_sample
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import TableRow, UnreadableRow
from feeds.statements.reading.values.row import RowNormalizer
from ops.providers.configured import ConfiguredProvider
from ops.settings.sections.statement import StatementSettings
from providers.statements.format import FieldKind
from vocabulary.errors import Malformed
from vocabulary.money import Money

#: Values shown of each column.
PREVIEW_VALUES = 3


@dataclass(frozen=True, slots=True)
class PreviewColumn:
    """One column of a file, as far as it was read.

    Attributes:
        becomes: our name for it; None: it is ignored.
        values: lines where it is not empty.
        first: the first of those values, as in the file.
        kinds: what the file says its values are, such as ``text`` or ``double``.
        booked: the first values as they will be stored, amounts with their currency; empty if
            the column is ignored or no line can be read.
    """

    name: str
    becomes: str | None
    values: int
    first: tuple[str, ...] = field(repr=False)
    kinds: tuple[str, ...] = ("text",)
    booked: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a file would become, as far as it was read.

    Attributes:
        columns: in the order of the file; none where nothing of it can be read.
        missing: needed fields for which there is no column.
        readable: lines that would be imported.
        unreadable: lines that would not.
    """

    columns: tuple[PreviewColumn, ...]
    missing: tuple[str, ...]
    readable: int
    unreadable: tuple[UnreadableRow, ...]


def reader_of(chosen: ConfiguredProvider, statement: StatementSettings) -> StatementReader:
    """The reader of a provider's statement files; its dialect must read statements."""
    return StatementReader(chosen.dialect, chosen.provider, rules_of(statement))


def rules_of(statement: StatementSettings) -> FileRules:
    """The rules that the settings declare."""
    trailer = statement.trailer
    return FileRules(
        format=None if statement.format is None else FileFormat(statement.format),
        columns=statement.columns,
        encoding=statement.encoding,
        delimiter=statement.delimiter,
        quote=statement.quote,
        trailing_delimiter=statement.trailing_delimiter,
        header_row=statement.header_row,
        decimal=statement.decimal,
        thousands=statement.thousands,
        grouping=Grouping(statement.grouping),
        unit=AmountUnit(statement.unit),
        sign=AmountSign(statement.sign),
        actions=statement.actions,
        zone=None if statement.timezone is None else ZoneInfo(statement.timezone),
        dates=statement.dates,
        numeric_ids=statement.numeric_ids,
        id_trim=statement.id_trim,
        id_case=IdCase(statement.id_case),
        null_text=statement.null_text,
        sheet=statement.sheet,
        currencies=statement.currencies,
        trailer=None if trailer is None else Trailer(**trailer.model_dump()),
        final_newline=statement.final_newline,
        may_be_empty=statement.may_be_empty,
        day=_compiled(statement.day),
        number=_compiled(statement.number),
        several_a_day=statement.several_a_day,
        whole=statement.on_error == "nothing",
        limits=ReadLimits(**statement.limits.model_dump()),
    )


def preview_file(file: Path, reader: StatementReader) -> Preview:
    """Read the beginning of a statement; nothing is stored."""
    with file.open("rb") as stream:
        sample = read_sample(reader, stream, file.name)
    unreadable = tuple(line for line in sample.lines if isinstance(line, UnreadableRow))
    columns = tuple(_columns(sample, reader))
    present = {column.becomes for column in columns}
    needed = [name for name in reader.columns if name not in reader.shape.optional]
    return Preview(
        columns=columns,
        missing=tuple(ours for ours in needed if columns and ours not in present),
        readable=len(sample.lines) - len(unreadable),
        unreadable=unreadable,
    )


def _columns(sample: FileSample, reader: StatementReader) -> Iterator[PreviewColumn]:
    fields = {column: ours for ours, names in reader.columns.items() for column in names}
    names = sample.header
    rows = [row for row in sample.rows if row.names is not None or len(row.cells) >= len(names)]
    normalizer = reader.normalizer
    booked = [_booked(row, names, reader, normalizer) for row in rows]
    for place, name in enumerate(names):
        cells = [_at(row, place, name) for row in rows]
        filled = [
            (cell, values.get(fields.get(name, ""), ""))
            for cell, values in zip(cells, booked, strict=True)
            if cell is not None and cell.kind is not CellKind.EMPTY
        ]
        kinds = tuple(sorted({str(cell.kind) for cell, _ in filled})) or ("text",)
        yield PreviewColumn(
            name=name,
            becomes=fields.get(name),
            values=len(filled),
            first=tuple(cell.text for cell, _ in filled[:PREVIEW_VALUES]),
            kinds=kinds,
            booked=tuple(islice((text for _, text in filled if text), PREVIEW_VALUES)),
        )


def _booked(
    row: TableRow, names: tuple[str, ...], reader: StatementReader, normalizer: RowNormalizer
) -> dict[str, str]:
    """The values of a row as they will be stored; none if it cannot be read."""
    try:
        header = None if row.names is not None else names
        values = normalizer.values(reader.cells(row, header)).cells
        return {
            name: _money(cell, values, reader)
            if reader.shape.fields[name] is FieldKind.AMOUNT and cell.text
            else cell.text
            for name, cell in values.items()
        }
    except Malformed:
        return {}


def _money(cell: Cell, row: Mapping[str, Cell], reader: StatementReader) -> str:
    currency = row.get("currency", EMPTY).text or reader.provider.currency
    exponents = reader.provider.exponents
    amount = Money.parse(cell.text, currency, exponents=exponents)
    return amount.text_with_currency(exponents=exponents)


def _at(row: TableRow, place: int, name: str) -> Cell | None:
    if row.names is not None:
        return row.cells[row.names.index(name)] if name in row.names else None
    return row.cells[place] if place < len(row.cells) else None


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern)
