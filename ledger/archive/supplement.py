"""Write rows that are to leave to a supplement of their archive, and read them back.

The digests of what was read back are staged in ``archived_row_digests``: triggers compare each
row that leaves with them. Imports Arrow.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, Engine

from ledger.archive.check import check_archive
from ledger.archive.lines import printed_lines
from ledger.archive.tables import column_list
from storage.archive.archives import Archive
from storage.archive.export_file import write_rows
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import (
    NAME,
    ArchiveFile,
    Manifest,
    hash_of,
    manifest_bytes,
)
from storage.archive.parquet import read_batches
from storage.archive.supplements import list_supplements, store_supplement, supplement_folder
from storage.engine import url_of
from storage.schema_version import revision_in
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction, Unavailable

#: Bytes of a digest; archived_row_digest() of the database computes the same.
DIGEST_BYTES = 16
_COPY = "COPY archived_row_digests (digest) FROM STDIN"


class SupplementTable(NamedTuple):
    """Rows of a table that are to leave.

    Attributes:
        rows: what follows SELECT and the columns of ``t``, in the order of the file.
    """

    table: str
    rows: str


class WrittenSupplement(NamedTuple):
    """A supplement that was written and read back; ``rows`` of all its files."""

    number: int
    rows: int
    bytes: int


def write_supplement(
    owner: Engine, archive: Archive, tables: Sequence[SupplementTable], *, by: str
) -> WrittenSupplement | None:
    """Write rows to a new supplement, read them back, and stage their digests.

    None: there are no rows. No complete supplement is ever replaced: other books, such as a
    copy of these, may name it.

    Raises:
        Contradiction: the files are not what was written.
        Unavailable: the database or the archive's location is out of reach.
    """
    with reading(owner, "archive") as connection:
        supplements = list_supplements(connection, archive.archive_id)
        revision = revision_in(connection)
        queries = {
            table.table: f"SELECT {column_list(connection, table.table)} {table.rows}"
            for table in tables
        }
    number, folder = _next_folder(archive, supplements[-1].number + 1 if supplements else 1)
    try:
        with adbc.connect(url_of(owner)) as bulk:
            files = list(_written_files(bulk, folder, queries))
    except adbc_driver_manager.OperationalError as error:
        raise Unavailable("archive: the database is out of reach") from error
    if not files:
        return None
    manifest = Manifest(
        archive=supplement_folder(archive.archive_id, number),
        month=archive.month,
        schema=revision,
        days=[],
        files=files,
    )
    content = manifest_bytes(manifest)
    folder.write(NAME, content)
    _require_whole(folder, content)
    with transaction(owner, "archive") as connection:
        _stage_digests(connection, row_digests(folder, manifest))
        store_supplement(
            connection,
            archive,
            number=number,
            manifest_hash=hash_of(content),
            rows=manifest.rows,
            bytes_=manifest.bytes,
            by=by,
        )
    return WrittenSupplement(number, manifest.rows, manifest.bytes)


def row_digests(folder: ArchiveFolder, manifest: Manifest) -> Iterator[bytes]:
    """The digest of each row of a supplement, as the database prints the row."""
    for file in manifest.files:
        for batch in read_batches(folder, file):
            for line in printed_lines(file.table, batch.schema.names, batch):
                yield sha256(line).digest()[:DIGEST_BYTES]


def _next_folder(archive: Archive, number: int) -> tuple[int, ArchiveFolder]:
    """The first number from one on whose folder has no complete supplement."""
    while True:
        name = supplement_folder(archive.archive_id, number)
        folder = ArchiveFolder(archive.location, name)
        if not folder.exists():
            return number, folder
        number += 1


def _written_files(
    bulk: adbc.Connection, folder: ArchiveFolder, queries: dict[str, str]
) -> Iterator[ArchiveFile]:
    for table, sql in queries.items():
        path = f"{table}.parquet"
        written = write_rows(bulk, sql, folder, path)
        if written is not None:
            yield ArchiveFile(path=path, table=table, day=None, **written._asdict())


def _require_whole(folder: ArchiveFolder, content: bytes) -> None:
    """Check the files on the disk against the manifest that is there."""
    manifest = folder.manifest(hash_of(content))
    if findings := check_archive(folder, manifest, progress=lambda _: None):
        raise Contradiction(f"{folder.place} was written and is not complete: {findings[0]}")


def _stage_digests(connection: Connection, digests: Iterator[bytes]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for digest in digests:
            copy.write_row((digest,))
