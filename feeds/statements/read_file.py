"""Reads a statement file where it may be read: text here, other formats in a child process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import BinaryIO

from feeds.findings import FindingKind
from feeds.statements.child import ChildJob
from feeds.statements.confined import ReaderCrashed, run_confined
from feeds.statements.limits import LimitExceeded
from feeds.statements.open_table import needs_child, opened_table
from feeds.statements.reader import StatementReader
from feeds.statements.table import TableRow, UnreadableRow
from feeds.statements.unpack import MAGIC_BYTES
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
    line = 0
    try:
        for item in _items(partial(reader.read, name=name), reader, stream):
            assert isinstance(item, HistoryRecord | UnreadableRow)
            line = item.line if isinstance(item, UnreadableRow) else line + 1
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
    for item in _items(partial(_samples, reader, name), reader, stream):
        assert isinstance(item, FileSample)
        return replace(item, lines=lines)
    return sample


def _items(
    read: Callable[[BinaryIO], Iterator[object]], reader: StatementReader, stream: BinaryIO
) -> Iterator[object]:
    stream.seek(0)
    start = stream.read(MAGIC_BYTES)
    stream.seek(0)
    if not needs_child(start):
        return read(stream)
    # Loaded before memory is limited: its libraries alone map more than the limit.
    modules = ("pyarrow.parquet",) if start.startswith(_PARQUET) else ()
    return run_confined(ChildJob(read, modules, reader.rules.limits), stream)


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
