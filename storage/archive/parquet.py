"""Read the Parquet files of an archive in batches, whole or by row group."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.archive.files import ArchiveFolder
from storage.archive.manifest import ArchiveFile

#: Rows of a group: few, so that one row is found without reading many.
GROUP_ROWS = 16_384


def read_batches(
    folder: ArchiveFolder,
    file: ArchiveFile,
    columns: Sequence[str] | None = None,
    *,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a file in their order, all columns or some, all row groups or some.

    No batch has rows of two groups: a group was one batch when it was written, so few large
    rows are as many bytes as many small ones.
    """
    with folder.reaching(), folder.open_input(file.path) as source:
        parquet = pq.ParquetFile(source, page_checksum_verification=True)
        for group in range(parquet.num_row_groups) if groups is None else groups:
            yield from parquet.iter_batches(
                batch_size=GROUP_ROWS, columns=columns, row_groups=[group]
            )


def groups_with(
    folder: ArchiveFolder, file: ArchiveFile, column: str, wanted: Sequence[int | str]
) -> list[int]:
    """The row groups that may have one of the values, by the bounds that the file states."""
    with folder.reaching(), folder.open_input(file.path) as source:
        metadata = pq.ParquetFile(source).metadata
    position = metadata.schema.to_arrow_schema().get_field_index(column)
    return [
        group
        for group in range(metadata.num_row_groups)
        if _may_have(metadata.row_group(group).column(position).statistics, wanted)
    ]


def _may_have(statistics: Any, wanted: Sequence[int | str]) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return any(statistics.min <= value <= statistics.max for value in wanted)
