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
from storage.archive.rows_request import DAMAGED, LENGTH_BYTES, RowsRequest
from vocabulary.errors import Unavailable

_CHILD = "storage.archive.reader_process"
_ROOT = Path(__file__).parents[2]


class ArchiveUnreadable(Unavailable):
    """An archive is out of reach, or one of its files is missing or has changed.

    Attributes:
        request: what could not be answered.
        is_damaged: it is a file of that day; others may be whole.
    """

    def __init__(self, request: RowsRequest, reason: str, *, is_damaged: bool) -> None:
        super().__init__(f"{request.archive} cannot be read: {reason}")
        self.request, self.is_damaged = request, is_damaged

    def concerns(self, request: RowsRequest) -> bool:
        """Whether another request would fail, too."""
        is_same = self.request.archive == request.archive
        return is_same and (not self.is_damaged or self.request.day == request.day)


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
        ArchiveUnreadable: the archive is out of reach or damaged; names it.
    """
    request = rows_request(archive, table, columns, day=day, key=key, values=values)
    for _, row in answered_rows([request]):
        yield row


def answered_rows(requests: Sequence[RowsRequest]) -> Iterator[tuple[RowsRequest, list[Any]]]:
    """The rows of several requests one after the other, each with its request, by one process.

    Raises:
        ArchiveUnreadable: an archive is out of reach or damaged; names it.
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
                for row in _rows(child, request):
                    yield request, row
        finally:
            child.kill()  # also where the reader of the rows stops early


def _rows(child: "subprocess.Popen[bytes]", request: RowsRequest) -> Iterator[list[Any]]:
    assert child.stdout is not None
    while length := int.from_bytes(_read(child, child.stdout, LENGTH_BYTES, request)):
        yield from msgspec.msgpack.decode(_read(child, child.stdout, length, request))


def _read(
    child: "subprocess.Popen[bytes]", stream: IO[bytes], size: int, request: RowsRequest
) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        assert child.stderr is not None
        lines = child.stderr.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "its reader ended early"
        raise ArchiveUnreadable(request, reason, is_damaged=child.wait() == DAMAGED)
    return content
