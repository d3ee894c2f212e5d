"""Read rows of an archive through a child process, so that this process does not load Arrow.

Receiver and console may not load it, and most processes never read an archive.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import msgspec

from storage.archive.archives import Archive
from storage.archive.rows_request import LENGTH_BYTES, RowsRequest
from vocabulary.errors import Unavailable

_CHILD = "storage.archive.reader_process"
_ROOT = Path(__file__).parents[2]


def rows_request(
    archive: Archive,
    table: str,
    columns: Sequence[str],
    *,
    day: date | None = None,
    key: str = "",
    values: Sequence[int] | Sequence[str] = (),
    checked: bool = False,
) -> RowsRequest:
    """The request for rows of a table; see ``RowsRequest``."""
    return RowsRequest(
        location=archive.location,
        archive=archive.archive_id,
        manifest_hash=archive.manifest_hash,
        table=table,
        columns=list(columns),
        day=day,
        key=key,
        values=list(dict.fromkeys(values)),
        checked=checked,
    )


def archived_rows(
    archive: Archive,
    table: str,
    columns: Sequence[str],
    *,
    day: date | None = None,
    key: str = "",
    values: Sequence[int] | Sequence[str] = (),
) -> Iterator[list[Any]]:
    """Rows of a table in the order of the archive; see ``RowsRequest``.

    Raises:
        Unavailable: the archive is out of reach or damaged; names it.
    """
    request = rows_request(archive, table, columns, day=day, key=key, values=values)
    for _, row in answered_rows([request]):
        yield row


def answered_rows(requests: Sequence[RowsRequest]) -> Iterator[tuple[RowsRequest, list[Any]]]:
    """The rows of several requests one after the other, each with its request, by one process.

    Raises:
        Unavailable: an archive is out of reach or damaged; names it.
    """
    if not requests:
        return
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    ) as child:
        try:
            assert child.stdin is not None
            child.stdin.write(msgspec.json.encode(requests))
            child.stdin.close()
            for request in requests:
                for row in _rows(child, request.archive):
                    yield request, row
        finally:
            child.kill()  # also where the reader of the rows stops early


def _rows(child: "subprocess.Popen[bytes]", archive: str) -> Iterator[list[Any]]:
    assert child.stdout is not None
    while length := int.from_bytes(_read(child, child.stdout, LENGTH_BYTES, archive)):
        yield from msgspec.msgpack.decode(_read(child, child.stdout, length, archive))


def _read(
    child: "subprocess.Popen[bytes]", stream: IO[bytes], size: int, archive: str
) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        assert child.stderr is not None
        lines = child.stderr.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "its reader ended early"
        raise Unavailable(f"{archive} cannot be read: {reason}")
    return content
