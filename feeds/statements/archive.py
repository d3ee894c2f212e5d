"""The archive of statement files: every byte as received, and which files share a day.

Tables: feed_files, feed_file_parts. Files of archived months are in supplements of archives.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

from sqlalchemy import Connection, text

from storage.archive.statement_files import DIGEST_BYTES, archived_parts

#: The feed of statement files.
STATEMENT = "statement"
#: Bytes of a file per row.
PART_BYTES = 1 << 20

_INSERT = """
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, verdict, records,
                        refused)
VALUES (:provider, :feed, :name, :digest, :size, :now, 'quarantined', 0, 0)
ON CONFLICT ON CONSTRAINT feed_files_once DO NOTHING RETURNING file_id
"""
_FIND = """
SELECT file_id FROM feed_files
 WHERE provider = :provider AND feed = :feed AND digest = :digest
"""
_PART = "INSERT INTO feed_file_parts (file_id, part, bytes) VALUES (:file_id, :part, :bytes)"
_PARTS = "SELECT bytes FROM feed_file_parts WHERE file_id = :file_id ORDER BY part"
_EXISTS = "SELECT exists(SELECT FROM feed_files WHERE file_id = :file_id)"
#: The condition on ``feed_files`` that records of a file are stored. A refused import of a file
#: leaves the records of an earlier one.
HAS_RECORDS = """
(verdict <> 'quarantined'
 OR EXISTS (SELECT FROM feed_file_records l WHERE l.file_id = feed_files.file_id))
"""
_SAME_DAY = f"""
SELECT file_id, encode(digest, 'hex') AS scope, name, {HAS_RECORDS} AS has_records, replaced_by
  FROM feed_files
 WHERE provider = :provider AND feed = :feed AND digest <> :digest
   AND (business_day = :day OR (business_day IS NULL AND name = :name)
        OR replaced_by = :file_id OR file_id = ANY (cast(:named AS bigint[])))
 ORDER BY file_id
"""  # noqa: S608 - only the constant is put in
_HAS_EARLIER = """
SELECT exists(SELECT FROM feed_files
               WHERE provider = :provider AND feed = :feed AND business_day < :day
                 AND verdict <> 'quarantined')
"""
_REPLACED_BY = """
SELECT r.name FROM feed_files f JOIN feed_files r ON r.file_id = f.replaced_by
 WHERE f.file_id = :file_id
"""
_LISTS_RECORDS = "SELECT exists(SELECT FROM feed_file_records WHERE file_id = :file_id)"
_REFUSE = "UPDATE feed_files SET verdict = 'quarantined' WHERE file_id = :file_id"


class ArchivedFile(NamedTuple):
    """A file in the archive."""

    file_id: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class OtherFile:
    """Another file, which the one that is imported may replace.

    Attributes:
        has_records: whether records of it are stored.
        replaced_by: the file that restates it; None: it is current.
    """

    file_id: int
    scope: str
    name: str
    has_records: bool
    replaced_by: int | None


@contextmanager
def copied(path: Path) -> Iterator[BinaryIO]:
    """A copy of a file that no one can change while it is stored and read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as source, TemporaryFile() as copy:
        copyfileobj(source, copy, PART_BYTES)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def archive_file(
    connection: Connection, slug: str, name: str, stream: BinaryIO, now: datetime
) -> ArchivedFile:
    """Store every byte of the file once.

    Args:
        connection: the caller's transaction.
        slug: the provider.
        name: of the file.
        stream: the file; seekable.
        now: our instant.
    """
    stream.seek(0)
    hasher, size = blake2b(digest_size=DIGEST_BYTES), 0
    while part := stream.read(PART_BYTES):
        hasher.update(part)
        size += len(part)
    digest = hasher.digest()
    params = {"provider": slug, "feed": STATEMENT, "name": name, "digest": digest}
    file_id = connection.execute(text(_INSERT), {**params, "size": size, "now": now}).scalar()
    if file_id is None:
        return ArchivedFile(connection.execute(text(_FIND), params).scalar_one(), digest)
    stream.seek(0)
    parts = iter(lambda: stream.read(PART_BYTES), b"")
    for number, part in enumerate(parts):
        connection.execute(text(_PART), {"file_id": file_id, "part": number, "bytes": part})
    return ArchivedFile(file_id, digest)


def has_file(connection: Connection, file_id: int) -> bool:
    """Whether the archive has a file with this id."""
    exists: bool = connection.execute(text(_EXISTS), {"file_id": file_id}).scalar_one()
    return exists


def has_earlier_file(connection: Connection, slug: str, day: date) -> bool:
    """Whether a file of an earlier day is imported."""
    params = {"provider": slug, "feed": STATEMENT, "day": day}
    has_earlier: bool = connection.execute(text(_HAS_EARLIER), params).scalar_one()
    return has_earlier


def lists_records(connection: Connection, file_id: int) -> bool:
    """Whether an import of the file, this or an earlier one, stored any of its records."""
    params = {"file_id": file_id}
    lists: bool = connection.execute(text(_LISTS_RECORDS), params).scalar_one()
    return lists


def name_of_replacement(connection: Connection, file_id: int) -> str | None:
    """The name of the file that restates this one; None: it is current."""
    params = {"file_id": file_id}
    name: str | None = connection.execute(text(_REPLACED_BY), params).scalar_one_or_none()
    return name


def refuse_file(connection: Connection, file_id: int) -> None:
    """Store that the last import of a file was refused; records stored before stay."""
    connection.execute(text(_REFUSE), {"file_id": file_id})


def file_parts(connection: Connection, file_id: int) -> Iterator[bytes]:
    """A file as received, part by part; from its archive if it left the database.

    Raises, after the last part at the latest:
        Unavailable: its archive is out of reach; names it.
        Contradiction: its archive does not have the bytes that left.
    """
    is_here = False
    for part in connection.execute(text(_PARTS), {"file_id": file_id}).scalars():
        is_here = True
        yield bytes(part)
    if not is_here:  # asked last: it may leave at any moment
        yield from archived_parts(connection, file_id)


def other_files(
    connection: Connection,
    slug: str,
    name: str,
    archived: ArchivedFile,
    day: date | None,
    *,
    named: Sequence[int] = (),
) -> list[OtherFile]:
    """Other files that a file may replace, oldest first.

    They are of the same day, or of the same name and no known day, or it replaced them before,
    or a person ``named`` them by their ids.
    """
    params = {
        "provider": slug,
        "feed": STATEMENT,
        "digest": archived.digest,
        "file_id": archived.file_id,
        "day": day,
        "name": name,
        "named": list(named),
    }
    return [OtherFile(*row) for row in connection.execute(text(_SAME_DAY), params)]
