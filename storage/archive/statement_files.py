"""The bytes of statement files that left the database: they are in supplements of archives.

Tables read: ``archived_files``, ``feed_files``.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from hashlib import blake2b

from sqlalchemy import Connection, text

from storage.archive.rows import answered_rows
from storage.archive.supplements import (
    Supplement,
    supplement_request,
    supplements_of_files,
)
from vocabulary.errors import Contradiction

#: Bytes of the digest of a file, BLAKE2b.
DIGEST_BYTES = 32
_DIGEST = "SELECT digest FROM feed_files WHERE file_id = :file_id"


def archived_parts(connection: Connection, file_id: int) -> Generator[bytes]:
    """A file that left, part by part; nothing if it did not leave.

    Raises, after the last part at the latest:
        Unavailable: the archive is out of reach; names it.
        Contradiction: it does not have the bytes that left.
    """
    supplement = supplements_of_files(connection, [file_id]).get(file_id)
    if supplement is None:
        return
    hasher = blake2b(digest_size=DIGEST_BYTES)
    for _, part in _parts(supplement, [file_id]):
        hasher.update(part)
        yield part
    _require_digest(connection, file_id, hasher.digest(), supplement)


def archived_contents(connection: Connection, files: Sequence[int]) -> dict[int, bytes]:
    """Small files that left, whole, by file; without those that did not leave.

    Raises:
        Unavailable: an archive is out of reach; names it.
        Contradiction: an archive does not have the bytes that left.
    """
    places: dict[Supplement, list[int]] = defaultdict(list)
    for file_id, supplement in supplements_of_files(connection, files).items():
        places[supplement].append(file_id)
    contents: dict[int, bytes] = {}
    for supplement, in_it in places.items():
        parts: dict[int, list[bytes]] = {file_id: [] for file_id in in_it}
        for file_id, part in _parts(supplement, in_it):
            parts[file_id].append(part)
        for file_id in in_it:
            contents[file_id] = content = b"".join(parts[file_id])
            digest = blake2b(content, digest_size=DIGEST_BYTES).digest()
            _require_digest(connection, file_id, digest, supplement)
    return contents


def _parts(supplement: Supplement, files: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Parts in their order, each with its file; the caller compares their digest."""
    request = supplement_request(
        supplement,
        "feed_file_parts",
        ("file_id", "bytes"),
        key="file_id",
        values=files,
        checked=False,
    )
    for _, (file_id, part) in answered_rows([request]):
        yield file_id, part


def _require_digest(
    connection: Connection, file_id: int, digest: bytes, supplement: Supplement
) -> None:
    stored = connection.execute(text(_DIGEST), {"file_id": file_id}).scalar_one()
    if bytes(stored) != digest:
        raise Contradiction(
            f"file {file_id}: {supplement.folder} does not have the bytes that left the"
            " database; see `tieout archive check`"
        )
