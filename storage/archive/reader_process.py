"""The child process of ``storage.archive.rows``: reads files of an archive, writes their rows.

It reads a list of ``RowsRequest`` from its input. Each message of its output is a length and a
list of rows; a length of zero follows the last one of a request.
"""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from storage.archive.files import ArchiveFolder
from storage.archive.parquet import groups_with, read_batches
from storage.archive.rows_request import DAMAGED, LENGTH_BYTES, RowsRequest
from vocabulary.errors import Contradiction, TieoutError


def main() -> None:
    """Answer requests, one after the other."""
    requests = msgspec.json.decode(sys.stdin.buffer.read(), type=list[RowsRequest])
    try:
        for request in requests:
            for batch in _batches(request):
                columns = [_values(batch, name) for name in request.columns]
                _send(msgspec.msgpack.encode(list(zip(*columns, strict=True))))
            _send(b"")
    except (TieoutError, OSError, pa.ArrowException) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(DAMAGED if _is_damage(error) else 1)


def _is_damage(error: BaseException) -> bool:
    """Whether it is about one file, and not about the place of all."""
    return isinstance(error, Contradiction) or isinstance(error.__cause__, FileNotFoundError)


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    if name not in batch.schema.names:
        return [None] * batch.num_rows
    values: list[Any] = batch.column(name).to_pylist()
    return values


def _batches(request: RowsRequest) -> Iterator[pa.RecordBatch]:
    folder = ArchiveFolder(request.location, request.archive)
    manifest = folder.manifest(request.manifest_hash)
    columns = [*request.columns, *({request.key} - {"", *request.columns})]
    for file in manifest.files_of(request.table, request.day):
        if request.checked and folder.hash(file.path) != (file.bytes, file.sha256):
            raise Contradiction(f"{file.path}: its bytes have changed")
        if not request.key:
            yield from read_batches(folder, file, columns)
            continue
        groups = groups_with(folder, file, request.key, request.values)
        for batch in read_batches(folder, file, columns, groups=groups):
            column = batch.column(request.key)
            wanted = pa.array(request.values, column.type)
            yield batch.filter(pc.is_in(column, value_set=wanted))


def _send(message: bytes) -> None:
    sys.stdout.buffer.write(len(message).to_bytes(LENGTH_BYTES) + message)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
