"""A statement file as a table, whatever its format, in the format that it really has."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.csv_records import csv_table
from feeds.statements.reading.file_format import FileFormat, FileRules
from feeds.statements.reading.header import needed_columns
from feeds.statements.reading.json_records import json_table
from feeds.statements.reading.table import Table, UnreadableRow
from feeds.statements.reading.unpack import MAGIC_BYTES, Unpacked, is_packed, unpacked
from providers.statements.format import TableFormat

_SUFFIXES: Mapping[str, FileFormat] = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".json": FileFormat.JSONL,
}
# What no packed file may have inside.
_NOT_PACKED = (b"PAR1", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_BINARY = frozenset({FileFormat.XLSX, FileFormat.PARQUET})


@contextmanager
def opened_table(
    stream: BinaryIO,
    name: str,
    rules: FileRules,
    shape: TableFormat,
    columns: Mapping[str, tuple[str, ...]],
) -> Iterator[Table | UnreadableRow]:
    """The file as a table, in its declared format or in the one it is recognized as.

    Args:
        stream: the file, from its start; seekable.
        name: its name; decides the format if neither content nor settings do.
        rules: the declared format.
        shape: the dialect's statement.
        columns: our name of each field to the names of its columns.

    Raises:
        LimitExceeded: the file is larger than ``rules.limits`` allow.
    """
    with unpacked(stream, name, rules.limits.unpacked_bytes) as content:
        if isinstance(content, UnreadableRow):
            yield content
        elif content.stream is not stream and _starts(content).startswith(_NOT_PACKED):
            reason = "a packed or Parquet file inside a packed file is not read: unpack it"
            yield UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
        else:
            yield _table(content, rules, shape, needed_columns(columns, shape))


def needs_child(start: bytes) -> bool:
    """Whether a file with these first bytes is read in a child process.

    Text is read in constant memory; libraries that unpack may need any amount of it.
    """
    return is_packed(start) or start.startswith(b"PAR1")


def _table(
    content: Unpacked, rules: FileRules, shape: TableFormat, needed: list[str]
) -> Table | UnreadableRow:
    start = _starts(content)
    recognized = _format_of(start, content.name, shape)
    declared = rules.format or recognized
    if declared is not recognized and (recognized in _BINARY or declared in _BINARY):
        actual = recognized if recognized in _BINARY else "another format"
        reason = f"a {declared} file is expected, this is {actual} (setting format)"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    match declared:
        case FileFormat.CSV:
            return csv_table(content.stream, rules, needed)
        case FileFormat.JSONL:
            return json_table(content.stream, rules)
        case FileFormat.XLSX:
            from feeds.statements.reading.workbook.table import xlsx_table  # noqa: PLC0415 - not for text

            return xlsx_table(content.stream, rules, needed)
        case FileFormat.PARQUET:
            from feeds.statements.reading.parquet import parquet_table  # noqa: PLC0415 - pyarrow: 45 MB

            return parquet_table(content.stream)


def _starts(content: Unpacked) -> bytes:
    start = content.stream.read(MAGIC_BYTES)
    content.stream.seek(0)
    return start


def _format_of(start: bytes, name: str, shape: TableFormat) -> FileFormat:
    lowered = name.lower()
    if start.startswith(b"PK\x03\x04") or (lowered.endswith(".xlsx") and start):
        return FileFormat.XLSX
    if start.startswith(b"PAR1") or lowered.endswith(".parquet"):
        return FileFormat.PARQUET
    by_name = (form for suffix, form in _SUFFIXES.items() if lowered.endswith(suffix))
    return next(by_name, FileFormat(shape.native))
