"""Write the rows of a query to a Parquet file of an archive, in bulk."""

from typing import NamedTuple

import adbc_driver_postgresql.dbapi as adbc
import pyarrow.parquet as pq

from storage.archive.files import ArchiveFolder
from storage.archive.parquet import GROUP_ROWS

_COMPRESSION = "zstd"


class _Written(NamedTuple):
    rows: int
    bytes: int
    sha256: str


def write_rows(
    connection: adbc.Connection, sql: str, folder: ArchiveFolder, path: str
) -> _Written | None:
    """Write the rows of a query to a file; None, and no file, if there are none."""
    rows = 0
    writer: pq.ParquetWriter | None = None
    file = None
    with connection.cursor() as cursor:
        cursor.execute(sql)
        reader = cursor.fetch_record_batch()
        for batch in reader:
            if not batch.num_rows:
                continue
            if writer is None:
                file = folder.create(path)
                writer = pq.ParquetWriter(
                    file,
                    reader.schema,
                    compression=_COMPRESSION,
                    write_page_checksum=True,
                )
            writer.write_batch(batch, row_group_size=GROUP_ROWS)
            rows += batch.num_rows
    if writer is None or file is None:
        return None
    writer.close()
    file.close()
    return _Written(rows, file.size, file.sha256)
