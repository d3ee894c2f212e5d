"""Statement files as the settings declare them: a reader, and a preview of one file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from feeds.statements.cells import Cell, CellKind
from feeds.statements.file_format import FileFormat, FileRules, Trailer
from feeds.statements.reader import StatementReader, open_table
from feeds.statements.table import TableRow, UnreadableRow
from ops.providers.configured import ConfiguredProvider
from ops.settings.statement import StatementSettings

#: Lines read for a preview, and values shown of each column.
PREVIEW_LINES = 1_000
PREVIEW_VALUES = 3


@dataclass(frozen=True, slots=True)
class PreviewColumn:
    """One column of a file, as far as it was read.

    Attributes:
        becomes: our name for it; None: it is ignored.
        values: lines where it is not empty.
        first: the first of those values.
        kinds: what the file says its values are, such as ``text`` or ``double``.
    """

    name: str
    becomes: str | None
    values: int
    first: tuple[str, ...] = field(repr=False)
    kinds: tuple[str, ...] = ("text",)


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
        decimal=statement.decimal,
        thousands=statement.thousands,
        zone=None if statement.timezone is None else ZoneInfo(statement.timezone),
        dates=statement.dates,
        numeric_ids=statement.numeric_ids,
        sheet=statement.sheet,
        currencies=statement.currencies,
        trailer=None if trailer is None else Trailer(**trailer.model_dump()),
        final_newline=statement.final_newline,
        may_be_empty=statement.may_be_empty,
        day=_compiled(statement.day),
        number=_compiled(statement.number),
        several_a_day=statement.several_a_day,
        whole=statement.on_error == "nothing",
    )


def preview_file(file: Path, reader: StatementReader) -> Preview:
    """Read the beginning of a statement; nothing is stored."""
    columns = tuple(_columns(file, reader))
    with file.open("rb") as stream:
        lines = list(islice(reader.read(stream, file.name), PREVIEW_LINES))
    unreadable = tuple(line for line in lines if isinstance(line, UnreadableRow))
    present = {column.becomes for column in columns}
    needed = [name for name in reader.columns if name not in reader.shape.optional]
    return Preview(
        columns=columns,
        missing=tuple(ours for ours in needed if columns and ours not in present),
        readable=len(lines) - len(unreadable),
        unreadable=unreadable,
    )


def _columns(file: Path, reader: StatementReader) -> Iterator[PreviewColumn]:
    fields = {column: ours for ours, column in reader.columns.items()}
    with file.open("rb") as stream:
        table = open_table(stream, file.name, reader.rules, reader.shape)
        if isinstance(table, UnreadableRow):
            return
        first = islice(table.rows, PREVIEW_LINES)
        rows = [row for row in first if isinstance(row, TableRow)]
    names = table.header if table.header is not None else _names(rows)
    rows = [row for row in rows if row.names is not None or len(row.cells) == len(names)]
    for place, name in enumerate(names):
        cells = [cell for row in rows if (cell := _at(row, place, name)) is not None]
        filled = [cell for cell in cells if cell.kind is not CellKind.EMPTY]
        shown = tuple(cell.text for cell in filled[:PREVIEW_VALUES])
        kinds = tuple(sorted({str(cell.kind) for cell in filled})) or ("text",)
        yield PreviewColumn(name, fields.get(name), len(filled), shown, kinds)


def _names(rows: list[TableRow]) -> tuple[str, ...]:
    """Every name that a row has, in order of appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row.names or ()))


def _at(row: TableRow, place: int, name: str) -> Cell | None:
    if row.names is not None:
        return row.cells[row.names.index(name)] if name in row.names else None
    return row.cells[place] if place < len(row.cells) else None


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern)
