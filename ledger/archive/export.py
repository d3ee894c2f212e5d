"""Export a sealed month to Parquet files outside the database, and check them by reading back.

A month holds the batches committed in it (UTC) with their operations, entries and deliveries,
the residuals booked in it, and what other packages add, such as feed versions received in it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
from msgspec import structs
from sqlalchemy import Connection, Engine

from ledger.archive.check import check_archive
from ledger.archive.months import MonthTable, month_bounds, month_end
from ledger.archive.tables import column_list, day_queries
from ledger.archive.written import require_same_books
from ledger.seal.seal import Seal, sealed_days
from storage.archive.archives import ArchiveRefused, archive_name
from storage.archive.export_file import write_rows
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import (
    NAME,
    ArchivedDay,
    ArchiveFile,
    Manifest,
    hash_of,
    manifest_bytes,
)
from storage.engine import url_of
from storage.schema_version import revision_in
from storage.transactions import reading
from vocabulary.errors import Contradiction, Unavailable

#: Called with the number of further rows that were written or read back.
Progress = Callable[[int], None]


class ExportedMonth(NamedTuple):
    """A month that was written and read back."""

    manifest: Manifest
    manifest_hash: str


def sealed_month(engine: Engine, month: date) -> list[Seal]:
    """The seals of a month's days.

    Raises:
        ArchiveRefused: its last day is not sealed.
        Unavailable: the database is out of reach.
    """
    last = month_end(month) - timedelta(days=1)
    with reading(engine, "archive") as connection:
        seals = sealed_days(connection, month, last)
    if not seals or seals[-1].day != last:
        newest = f"sealed up to {seals[-1].day}" if seals else "not sealed"
        raise ArchiveRefused(
            f"{month:%Y-%m} is {newest}: seal every day up to {last} with `tieout ledger seal`"
        )
    return seals


def export_month(
    engine: Engine,
    month: date,
    location: str,
    *,
    others: Iterable[MonthTable] = (),
    progress: Progress,
) -> ExportedMonth:
    """Write the archive of a sealed month, and check it by reading it back.

    A complete archive that is there already is checked and taken if these books give the same:
    an export was killed before it was noted.

    Raises:
        ArchiveRefused: the month is not sealed, or there is a complete archive of other rows.
        Contradiction: what was read back does not give the seals.
        Unavailable: the database or the location is out of reach.
    """
    seals = sealed_month(engine, month)
    folder = ArchiveFolder(location, archive_name(month))
    is_written = folder.exists()
    with reading(engine, "archive") as connection:
        schema = revision_in(connection)
        queries = _month_queries(connection, month, others)
    expected = Manifest(
        archive=archive_name(month),
        month=month,
        schema=schema,
        days=[_archived_day(seal) for seal in seals],
        files=[],
    )
    try:
        with adbc.connect(url_of(engine)) as bulk:
            if is_written:
                return _written_before(folder, bulk, expected, queries, progress)
            files = _written_files(_Writer(folder, bulk, progress), engine, seals, queries)
    except adbc_driver_manager.OperationalError as error:
        raise Unavailable("archive: the database is out of reach") from error
    manifest = structs.replace(expected, files=files)
    _require_complete(folder, manifest, progress)
    content = manifest_bytes(manifest)
    folder.write(NAME, content)
    return ExportedMonth(manifest, hash_of(content))


def _written_before(
    folder: ArchiveFolder,
    bulk: adbc.Connection,
    expected: Manifest,
    queries: Mapping[str, str],
    progress: Progress,
) -> ExportedMonth:
    """The complete archive that is there, if it is the one that would be written."""
    digest = hash_of(folder.read(NAME))
    manifest = folder.manifest(digest)
    _require_complete(folder, manifest, progress)
    require_same_books(folder, manifest, expected, bulk, queries)
    return ExportedMonth(manifest, digest)


def _require_complete(folder: ArchiveFolder, manifest: Manifest, progress: Progress) -> None:
    if findings := check_archive(folder, manifest, progress=progress):
        raise Contradiction(f"{folder.place} was written and is not complete: {findings[0]}")


class _Writer:
    """Writes the files of one archive."""

    def __init__(
        self, folder: ArchiveFolder, bulk: adbc.Connection, progress: Progress
    ) -> None:
        self._folder = folder
        self._bulk = bulk
        self._progress = progress
        self.files: list[ArchiveFile] = []

    def write(self, table: str, day: date | None, sql: str) -> None:
        """Write the rows of a query, if there are any."""
        path = f"{table if day is None else f'{day}/{table}'}.parquet"
        written = write_rows(self._bulk, sql, self._folder, path)
        if written is not None:
            file = ArchiveFile(path=path, table=table, day=day, **written._asdict())
            self.files.append(file)
            self._progress(written.rows)


def _month_queries(
    connection: Connection, month: date, others: Iterable[MonthTable]
) -> dict[str, str]:
    """The queries for the rows of a whole month, by table."""
    since, until = (at.isoformat() for at in month_bounds(month))
    return {
        other.table: f"SELECT {column_list(connection, other.table)}"
        f" {other.rows.format(since=since, until=until)}"
        for other in others
    }


def _written_files(
    writer: _Writer, engine: Engine, seals: Sequence[Seal], queries: Mapping[str, str]
) -> list[ArchiveFile]:
    with reading(engine, "archive") as connection:
        for seal in seals:
            for table, sql in day_queries(connection, seal.day):
                writer.write(table, seal.day, sql)
    for table, sql in queries.items():
        writer.write(table, None, sql)
    return writer.files


def _archived_day(seal: Seal) -> ArchivedDay:
    return ArchivedDay(
        day=seal.day,
        previous=seal.previous,
        seal=seal.hash,
        layout={table: list(columns) for table, columns in seal.layout.items()},
        counts=seal.counts,
    )
