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


def archived_rows(
    archive: Archive,
    table: str,
    columns: Sequence[str],
    *,
    day: date | None = None,
    key: str = "",
    values: Sequence[int] | Sequence[str] = (),
    checked: bool = False,
) -> Iterator[list[Any]]:
    """Rows of a table in the order of the archive; see ``RowsRequest``.

    Raises:
        Unavailable: the archive is out of reach or damaged; names it.
    """
    request = RowsRequest(
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
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    ) as child:
        try:
            yield from _rows(child, msgspec.json.encode(request), archive)
        finally:
            child.kill()  # also where the reader of the rows stops early


def _rows(
    child: "subprocess.Popen[bytes]", request: bytes, archive: Archive
) -> Iterator[list[Any]]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(request)
    child.stdin.close()
    while length := int.from_bytes(_read(child, child.stdout, LENGTH_BYTES, archive)):
        yield from msgspec.msgpack.decode(_read(child, child.stdout, length, archive))


def _read(
    child: "subprocess.Popen[bytes]", stream: IO[bytes], size: int, archive: Archive
) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        assert child.stderr is not None
        lines = child.stderr.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "its reader ended early"
        raise Unavailable(f"{archive.archive_id} cannot be read: {reason}")
    return content
