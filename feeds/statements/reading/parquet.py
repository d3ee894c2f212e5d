"""Parquet files as tables: declared types, all digits of every value."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import EMPTY, Cell, CellKind, row_json
from feeds.statements.reading.table import Table, TableRow, TextRow, UnreadableRow

#: Rows held in memory at a time.
BATCH_ROWS = 1_000

_BROKEN = "a Parquet file is expected, this one is broken or cut"
_READ_ERRORS = (pa.ArrowException, OSError, ValueError)


def parquet_table(stream: BinaryIO) -> Table | UnreadableRow:
    """A Parquet file as a table; rows are numbered from 1."""
    try:
        # Pages may have checksums, which are not compared by default.
        file = pq.ParquetFile(stream, page_checksum_verification=True)
    except MemoryError:  # pyarrow's is one of its other errors, too
        raise
    except _READ_ERRORS:
        return UnreadableRow(1, _BROKEN, FindingKind.TRUNCATED_FILE)
    return Table(tuple(file.schema_arrow.names), _rows(file))


def _rows(file: Any) -> Iterator[TableRow | UnreadableRow]:
    line = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            columns = [_values(column) for column in batch.columns]
            row_of = _text_row if all(map(_is_text, batch.columns)) else _row
            for values in zip(*columns, strict=True):
                line += 1
                yield row_of(line, values)
    except MemoryError:
        raise
    except _READ_ERRORS:
        yield UnreadableRow(line + 1, _BROKEN, FindingKind.TRUNCATED_FILE)
        return
    if line != file.metadata.num_rows:
        yield UnreadableRow(line + 1, _BROKEN, FindingKind.TRUNCATED_FILE)


def _is_text(column: Any) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _text_row(line: int, values: Sequence[str | None]) -> TextRow:
    texts = [value or "" for value in values]
    return TextRow(line, texts, row_json(texts))


def _row(line: int, values: Sequence[object]) -> TableRow:
    cells = tuple(map(_cell, values))
    raw = row_json([cell.text for cell in cells])
    return TableRow(line, cells, raw.encode("utf-8", "backslashreplace"))


def _values(column: Any) -> list[object]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: list[object] = column.to_pylist()
    return values


def _cell(value: object) -> Cell:
    match value:
        case None | "":
            return EMPTY
        case bool():
            return Cell(str(value).lower(), CellKind.FLAG)
        case int():
            return Cell(str(value), CellKind.EXACT)
        case Decimal():
            return Cell(format(value, "f"), CellKind.EXACT)
        case float():
            return Cell(repr(value), CellKind.DOUBLE)
        case datetime():
            return _instant(value)
        case date() | time():  # parts of an instant, which have columns of their own
            return Cell(value.isoformat(), CellKind.INSTANT)
        case str():
            return Cell(value)
        case _:
            return Cell("", CellKind.BROKEN)


def _instant(value: datetime) -> Cell:
    # pyarrow returns nanoseconds as an extended datetime; they are refused, not cut off.
    if getattr(value, "nanosecond", 0):
        return Cell("", CellKind.BROKEN)
    precision = "microseconds" if value.microsecond else "seconds"
    return Cell(value.isoformat(timespec=precision), CellKind.INSTANT)
