"""The canonical lines of a sealed day, printed from its archive alone.

PostgreSQL prints the same lines from the books (``ledger.seal.canonical_lines``). So the
archive of a day is complete and unchanged if its lines give the day's seal.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from heapq import merge
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledger.seal.canonical_lines import TABLES, SortKey, header_line
from ledger.seal.files import AFTER_BATCHES
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import ArchivedDay, Manifest
from storage.archive.parquet import read_batches

#: The values of a row's key columns, and its line.
_Row = tuple[tuple[int, ...], bytes]
_Keyed = Iterator[tuple[SortKey, bytes]]
_NAMES = {table: name for name, table in TABLES.items()}


def seal_from_archive(
    folder: ArchiveFolder,
    manifest: Manifest,
    day: ArchivedDay,
    progress: Callable[[int], None],
) -> tuple[str, dict[str, int]]:
    """The hash of a day's lines, and how many rows of each table they are."""
    digest = sha256(header_line(day.day, day.previous, day.layout))
    reader = _DayReader(folder, manifest, day)
    for _, line in reader.lines():
        digest.update(line)
        progress(1)
    return digest.hexdigest(), reader.counts


class _DayReader:
    """Reads the rows of one day, table by table, each in the order of the seal."""

    def __init__(self, folder: ArchiveFolder, manifest: Manifest, day: ArchivedDay) -> None:
        self._folder = folder
        self._manifest = manifest
        self._day = day
        self.counts = dict.fromkeys(day.counts, 0)

    def lines(self) -> _Keyed:
        """The lines of all tables with their keys, merged."""
        return merge(
            (((batch, 0), line) for (batch,), line in self._rows("batches", "batch_id")),
            self._operations(),
            (
                ((batch, 2, delivery), line)
                for (batch, delivery), line in self._rows(
                    "deliveries", "batch_id", "delivery_id"
                )
            ),
            (
                ((AFTER_BATCHES, residual, 0), line)
                for (residual,), line in self._rows("residuals", "residual_id")
            ),
            (
                ((AFTER_BATCHES, residual, leg), line)
                for (residual, leg), line in self._rows(
                    "residual_entries", "residual_id", "leg"
                )
            ),
            key=itemgetter(0),
        )

    def _operations(self) -> _Keyed:
        """Each operation, followed by its entries."""
        entries = self._rows("entries", "wallet_id", "wallet_seq", "leg")
        entry = next(entries, None)
        for key, line in self._rows("operations", "batch_id", "wallet_id", "wallet_seq"):
            batch, *position = key
            yield (batch, 1, *position, 0), line
            while entry is not None and entry[0][:2] == key[1:]:
                yield (batch, 1, *entry[0]), entry[1]
                entry = next(entries, None)

    def _rows(self, table: str, *keys: str) -> Iterator[_Row]:
        columns = self._day.layout.get(table)
        if columns is None:
            return
        for file in self._manifest.files_of(table, self._day.day):
            for batch in read_batches(self._folder, file):
                self.counts[table] += batch.num_rows
                values = [batch.column(key).to_pylist() for key in keys]
                lines = printed_lines(_NAMES[table], columns, batch)
                yield from zip(zip(*values, strict=True), lines, strict=True)


def printed_lines(name: str, columns: Sequence[str], batch: pa.RecordBatch) -> list[bytes]:
    """Rows as ``row_to_json`` prints them, each as a line of its day."""
    cells = [_printed(batch.column(column)) for column in columns]
    fields = ",".join(f"{encode_basestring(column)}:%s" for column in columns)
    line = f'{{"{name}":{{{fields}}}}}\n'
    return [(line % row).encode() for row in zip(*cells, strict=True)]


def _printed(column: pa.Array) -> list[str]:
    """The values of a column as JSON, a column at once because rows are many."""
    if pa.types.is_timestamp(column.type):
        column = _instants(column)
    printer = _printer(column.type)
    return ["null" if value is None else printer(value) for value in column.to_pylist()]


def _printer(kind: pa.DataType) -> Callable[[Any], str]:
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return str
    if pa.types.is_string(kind):
        return encode_basestring
    if pa.types.is_binary(kind):
        return _bytes
    if pa.types.is_boolean(kind):
        return _boolean
    raise TypeError(f"an archive holds no {kind}")


def _boolean(value: bool) -> str:  # noqa: FBT001 - a value of a column
    return "true" if value else "false"


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


def _instants(column: pa.Array) -> pa.Array:
    """Instants as PostgreSQL prints them in UTC: without the zeros that end a fraction."""
    printed = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S")  # with six decimal places
    shortened = pc.utf8_rtrim(pc.utf8_rtrim(printed, characters="0"), characters=".")
    return pc.binary_join_element_wise(shortened, "+00:00", "")
