"""Read one archived statement file: what became of it, its findings, its first bytes."""

from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from feeds.statements.archive import STATEMENT
from storage.archive.statement_files import archived_parts
from storage.archive.supplements import supplements_of_files

#: Bytes of a file that a preview reads.
PREVIEW_BYTES = 64 * 1024

_FILE = """
SELECT file_id, provider, feed, name, encode(digest, 'hex') AS digest, size, received_at,
       business_day, number, covers_from, covers_to, verdict, records, refused, replaced_by
  FROM feed_files WHERE file_id = :file_id
"""
_FINDINGS = """
SELECT finding_id, kind, severity, line, record_id, round_id, detail, resolved_at, resolved_by
  FROM feed_findings
 WHERE provider = :provider AND feed = :feed AND scope = :digest
 ORDER BY resolved_at IS NOT NULL, line NULLS FIRST, finding_id LIMIT :limit
"""
_COUNT = """
SELECT count(*) FROM feed_findings
 WHERE provider = :provider AND feed = :feed AND scope = :digest
"""
_RELATED = """
SELECT file_id, name, received_at, verdict, replaced_by FROM feed_files
 WHERE provider = :provider AND feed = :feed AND business_day = :day AND file_id <> :file_id
 ORDER BY file_id LIMIT :limit
"""
_WITHDRAWN = """
SELECT count(*) FILTER (WHERE event = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE event = 'restored') AS restored
  FROM feed_withdrawals WHERE file_id = :file_id
"""
_OF_NAME = """
SELECT max(file_id) FROM feed_files WHERE provider = :provider AND name = :name
"""
_START = """
SELECT substring(bytes FROM 1 FOR :bytes) AS start FROM feed_file_parts
 WHERE file_id = :file_id AND part = 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDetail:
    """A statement file as stored.

    Attributes:
        digest: BLAKE2b of all its bytes, in hex.
        number: its position in a declared sequence.
        covers_from, covers_to: of the records read from it.
        records, refused: lines read and not read.
        replaced_by: the file that restates it; None: it is current.
    """

    file_id: int
    provider: str
    feed: str
    name: str
    digest: str
    size: int
    received_at: datetime
    business_day: date | None
    number: int | None
    covers_from: datetime | None
    covers_to: datetime | None
    verdict: str
    records: int
    refused: int
    replaced_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinding:
    """What is wrong with a file or one line of it."""

    finding_id: str
    kind: str
    severity: str
    line: int | None
    record_id: str | None
    round_id: str | None
    detail: str
    resolved_at: datetime | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedFile:
    """Another file of the same provider and day."""

    file_id: int
    name: str
    received_at: datetime
    verdict: str
    replaced_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEffects:
    """What a file changed of records that were stored before it."""

    withdrawn: int
    restored: int


def file_numbered(connection: Connection, file_id: int) -> FileDetail | None:
    """A file; None if none has this number."""
    row = connection.execute(text(_FILE), {"file_id": file_id}).mappings().one_or_none()
    return None if row is None else FileDetail(**row)


def findings_of_file(
    connection: Connection, file: FileDetail, *, limit: int
) -> tuple[list[FileFinding], int]:
    """The findings of a file, open ones first and by line, and how many there are."""
    params = {
        "provider": file.provider,
        "feed": STATEMENT,
        "digest": file.digest,
        "limit": limit,
    }
    rows = connection.execute(text(_FINDINGS), params).mappings()
    findings = [FileFinding(**row) for row in rows]
    if len(findings) < limit:
        return findings, len(findings)
    return findings, int(connection.execute(text(_COUNT), params).scalar_one())


def files_of_day(connection: Connection, file: FileDetail, *, limit: int) -> list[RelatedFile]:
    """Other files of the same provider and business day; none if its day is not known."""
    if file.business_day is None:
        return []
    params = {
        "provider": file.provider,
        "feed": file.feed,
        "day": file.business_day,
        "file_id": file.file_id,
        "limit": limit,
    }
    rows = connection.execute(text(_RELATED), params).mappings()
    return [RelatedFile(**row) for row in rows]


def effects_of_file(connection: Connection, file_id: int) -> FileEffects:
    """How many records it withdrew and restored."""
    row = connection.execute(text(_WITHDRAWN), {"file_id": file_id}).mappings().one()
    return FileEffects(**row)


def start_of_file(connection: Connection, file_id: int) -> bytes:
    """The first bytes of a file, as received; from its archive if it left the database.

    Raises:
        Unavailable: its archive is out of reach; names it.
    """
    params = {"file_id": file_id, "bytes": PREVIEW_BYTES}
    start = connection.execute(text(_START), params).scalar()
    if start is not None:
        return bytes(start)
    with closing(archived_parts(connection, file_id)) as parts:
        return next(parts, b"")[:PREVIEW_BYTES]


def archive_of_file(connection: Connection, file_id: int) -> str | None:
    """The supplement that has the bytes of a file which left; None: they are here."""
    supplement = supplements_of_files(connection, [file_id]).get(file_id)
    return None if supplement is None else supplement.folder


def file_of_name(connection: Connection, provider: str, name: str | None) -> int | None:
    """The newest stored file of a provider with a name; None: there is none."""
    params = {"provider": provider, "name": name}
    number: int | None = connection.execute(text(_OF_NAME), params).scalar_one()
    return number
