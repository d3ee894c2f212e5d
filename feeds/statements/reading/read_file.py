"""Reads a statement file where it may be read: text here, other formats in a child process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.staged_rows import StagedRows
from feeds.statements.reading.cells import Cell
from feeds.statements.reading.confined.child import ChildJob
from feeds.statements.reading.confined.limits import LimitExceeded, ReadLimits
from feeds.statements.reading.confined.process import ReaderCrashed, run_confined
from feeds.statements.reading.open_table import needs_child, opened_table
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import TableRow, UnreadableRow
from feeds.statements.reading.text_lines import SAMPLE_BYTES
from feeds.statements.reading.unpack import MAGIC_BYTES, unpacked
from vocabulary.facts import HistoryRecord

#: Rows of a sample.
SAMPLE_ROWS = 1_000

_PARQUET = b"PAR1"
# Files with such a finding may have no table, or none that can be opened within the limits.
_UNREADABLE = frozenset({FindingKind.LIMIT_EXCEEDED, FindingKind.TRUNCATED_FILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSample:
    """The beginning of a file.

    Attributes:
        header: the names of the columns; empty if the file cannot be read.
        header_line: the line or row of the header.
        rows: the first rows.
        lines: what becomes of them.
    """

    header: tuple[str, ...]
    header_line: int
    rows: tuple[TableRow, ...]
    lines: tuple[HistoryRecord | UnreadableRow, ...]


def read_file(
    reader: StatementReader, stream: BinaryIO, name: str
) -> Iterator[HistoryRecord | UnreadableRow]:
    """Every line of a file as a record or as the problem with it, in file order.

    Args:
        reader: reads the provider's files.
        stream: a real file; seekable.
        name: its name.
    """
    for item in _lines(partial(reader.read, name=name), reader, stream):
        assert not isinstance(item, StagedRows)
        yield item


def read_for_stage(
    reader: StatementReader, stream: BinaryIO, name: str
) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]:
    """The same lines, but plain ones many at once, already written for the database.

    They come before other lines that were read together with them.
    """
    return _lines(partial(reader.read, name=name, for_stage=True), reader, stream)


def _lines(
    read: Callable[[BinaryIO], Iterator[object]], reader: StatementReader, stream: BinaryIO
) -> Iterator[HistoryRecord | StagedRows | UnreadableRow]:
    """The lines that ``read`` gives, and what ends reading as the last of them."""
    line = 0
    try:
        for item in items_of(read, reader.rules.limits, stream):
            assert isinstance(item, HistoryRecord | StagedRows | UnreadableRow)
            if isinstance(item, UnreadableRow):
                line = max(line, item.line)
            else:
                line += item.count if isinstance(item, StagedRows) else 1
            yield item
    except LimitExceeded as error:
        yield UnreadableRow(line + 1, str(error), FindingKind.LIMIT_EXCEEDED)
    except ReaderCrashed as error:
        reason = (
            f"a statement is expected, this file breaks the program that reads it ({error})"
        )
        yield UnreadableRow(line + 1, reason, FindingKind.TRUNCATED_FILE)


def read_sample(reader: StatementReader, stream: BinaryIO, name: str) -> FileSample:
    """The beginning of a file, for a preview; the arguments are those of ``read_file``."""
    lines = tuple(islice(read_file(reader, stream, name), SAMPLE_ROWS))
    sample = FileSample(header=(), header_line=1, rows=(), lines=lines)
    if any(line.kind in _UNREADABLE for line in lines if isinstance(line, UnreadableRow)):
        return sample
    for item in items_of(partial(_samples, reader, name), reader.rules.limits, stream):
        assert isinstance(item, FileSample)
        return replace(item, lines=lines)
    return sample


def items_of(
    read: Callable[[BinaryIO], Iterator[object]], limits: ReadLimits, stream: BinaryIO
) -> Iterator[object]:
    """What a reader yields of a file, from a child process if its memory must be limited.

    Raises:
        LimitExceeded: the file needs more than the limits allow.
        ReaderCrashed: the child process died of the file.
    """
    stream.seek(0)
    start = stream.read(MAGIC_BYTES)
    stream.seek(0)
    if not needs_child(start):
        return read(stream)
    # Loaded before memory is limited: its libraries alone map more than the limit.
    modules = ("pyarrow.parquet",) if start.startswith(_PARQUET) else ()
    return run_confined(ChildJob(read, modules, limits), stream)


def _samples(reader: StatementReader, name: str, stream: BinaryIO) -> Iterator[FileSample]:
    """The sample; nothing if the file has no table."""
    with opened_table(stream, name, reader.rules, reader.shape, reader.columns) as table:
        if isinstance(table, UnreadableRow):
            return
        first = islice(table.rows, SAMPLE_ROWS)
        rows = tuple(row for row in first if isinstance(row, TableRow))
    if table.header is None:
        names = dict.fromkeys(name for row in rows for name in row.names or ())
        header = tuple(names)
    else:
        header = table.header
    yield FileSample(header=header, header_line=table.header_line, rows=rows, lines=())


def read_start(reader: StatementReader, stream: BinaryIO, name: str) -> tuple[str, bytes]:
    """The name and the first bytes of the file inside a packed file, or of the file itself."""
    for item in items_of(partial(_starts, reader, name), reader.rules.limits, stream):
        assert isinstance(item, tuple)
        inner, start = item
        return inner, start
    return name, b""


def read_rows(reader: StatementReader, stream: BinaryIO, name: str) -> list[TableRow]:
    """The first rows of a file, none of them taken as the header; empty if it has no table."""
    items = items_of(partial(_rows, reader, name), reader.rules.limits, stream)
    return [item for item in items if isinstance(item, TableRow)]


def _starts(
    reader: StatementReader, name: str, stream: BinaryIO
) -> Iterator[tuple[str, bytes]]:
    with unpacked(stream, name, reader.rules.limits.unpacked_bytes) as content:
        if not isinstance(content, UnreadableRow):
            yield content.name, content.stream.read(SAMPLE_BYTES)


def _rows(reader: StatementReader, name: str, stream: BinaryIO) -> Iterator[TableRow]:
    with opened_table(stream, name, reader.rules, reader.shape, {}) as table:
        if isinstance(table, UnreadableRow):
            return
        rows = (row for row in table.rows if isinstance(row, TableRow))
        first = None if table.header is not None else next(rows, None)
        header = table.header or (first.names if first else None) or ()
        # Objects have no header; the names of the first one stand for it.
        line = table.header_line if first is None else first.line - 1
        yield TableRow(line, tuple(Cell(column) for column in header), b"")
        if first is not None:
            yield first
        for row in islice(rows, SAMPLE_ROWS):
            if row.names is None or row.names == header:
                yield row
