"""The canonical lines of a sealed day, printed from its archive alone.

PostgreSQL prints the same lines from the books (``ledger.seal.canonical_lines``). So the
archive of a day is complete and unchanged if its lines give the day's seal.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from heapq import merge
from operator import itemgetter
from typing import Any

from ledger.seal.canonical_lines import TABLES, SortKey, header_line
from ledger.seal.files import AFTER_BATCHES
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import ArchivedDay, Manifest
from storage.archive.parquet import read_batches

_Row = Mapping[str, Any]
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
        streams = (
            self._stream("batches", lambda row: (row["batch_id"], 0)),
            self._operations(),
            self._stream("deliveries", lambda row: (row["batch_id"], 2, row["delivery_id"])),
            self._stream("residuals", lambda row: (AFTER_BATCHES, row["residual_id"], 0)),
            self._stream(
                "residual_entries",
                lambda row: (AFTER_BATCHES, row["residual_id"], row["leg"]),
            ),
        )
        return merge(*streams, key=itemgetter(0))

    def _operations(self) -> _Keyed:
        """Each operation, followed by its entries."""
        entries = self._rows("entries")
        entry = next(entries, None)
        for row in self._rows("operations"):
            position = (row["wallet_id"], row["wallet_seq"])
            key = (row["batch_id"], 1, *position)
            yield (*key, 0), self._line("operations", row)
            while entry is not None and (entry["wallet_id"], entry["wallet_seq"]) == position:
                yield (*key, entry["leg"]), self._line("entries", entry)
                entry = next(entries, None)

    def _stream(self, table: str, key: Callable[[_Row], SortKey]) -> _Keyed:
        for row in self._rows(table):
            yield key(row), self._line(table, row)

    def _rows(self, table: str) -> Iterator[_Row]:
        if table not in self._day.layout:
            return
        for file in self._manifest.files_of(table, self._day.day):
            for batch in read_batches(self._folder, file):
                yield from batch.to_pylist()

    def _line(self, table: str, row: _Row) -> bytes:
        self.counts[table] += 1
        return row_line(_NAMES[table], self._day.layout[table], row)


def row_line(name: str, columns: Sequence[str], row: _Row) -> bytes:
    """One row as ``row_to_json`` prints it, as a line of its day."""
    fields = ",".join(f"{_text(column)}:{_value(row[column])}" for column in columns)
    return f'{{"{name}":{{{fields}}}}}\n'.encode()


def _value(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case bytes():
            return f'"\\\\x{value.hex()}"'
        case datetime():
            return f'"{_instant(value)}"'
        case _:
            raise TypeError(f"an archive holds no {type(value).__name__}")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _instant(at: datetime) -> str:
    """An instant in UTC as PostgreSQL prints it: without the zeros that end a fraction."""
    whole, _, fraction = at.isoformat(timespec="microseconds")[:26].partition(".")
    significant = fraction.rstrip("0")
    return f"{whole}.{significant}+00:00" if significant else f"{whole}+00:00"
