"""Take an archive that was written whole, and of which the database does not know.

Its export was killed between the manifest and the row, or the row was lost with a restore. It
is taken if the books would give it again. Otherwise it stays as it is: other books, such as a
copy of these, may name it. Imports Arrow.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from msgspec import structs

from ledger.archive.lines import printed_lines
from storage.archive.archives import ArchiveRefused
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import Manifest
from storage.archive.parquet import read_batches


def require_same_books(
    folder: ArchiveFolder,
    manifest: Manifest,
    expected: Manifest,
    bulk: adbc.Connection,
    queries: Mapping[str, str],
) -> None:
    """Check that a complete archive is the one that these books would give.

    Args:
        folder: the archive's.
        manifest: that is there. The caller has checked that its days give their seals.
        expected: the manifest of these books, without files.
        bulk: reads the rows of tables without seals.
        queries: of these tables, by table.

    Raises:
        ArchiveRefused: it is of other rows, or of another schema.
    """
    is_same = structs.replace(manifest, files=[]) == expected and all(
        _lines_digest(table, _stored(bulk, sql))
        == _lines_digest(table, _archived(folder, manifest, table))
        for table, sql in queries.items()
    )
    if not is_same:
        raise ArchiveRefused(
            f"{folder.place} is an archive of other rows than these books have: choose another"
            " place"
        )


def _stored(bulk: adbc.Connection, sql: str) -> Iterable[pa.RecordBatch]:
    with bulk.cursor() as cursor:
        cursor.execute(sql)
        yield from cursor.fetch_record_batch()


def _archived(
    folder: ArchiveFolder, manifest: Manifest, table: str
) -> Iterable[pa.RecordBatch]:
    for file in manifest.files_of(table):
        yield from read_batches(folder, file)


def _lines_digest(table: str, batches: Iterable[pa.RecordBatch]) -> str:
    digest = sha256()
    for batch in batches:
        for line in printed_lines(table, batch.schema.names, batch):
            digest.update(line)
    return digest.hexdigest()
