"""Export a sealed month to Parquet files outside the database, and check them by reading back.

A month holds the batches committed in it (UTC) with their operations, entries and deliveries,
the residuals booked in it, and what other packages add, such as feed versions received in it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
from sqlalchemy import Engine

from ledger.archive.check import check_archive
from ledger.archive.months import MonthTable, month_bounds, month_end
from ledger.archive.tables import column_list, day_queries
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

    Raises:
        ArchiveRefused: the month is not sealed, or there is a complete archive of it already.
        Contradiction: what was read back does not give the seals.
        Unavailable: the database or the location is out of reach.
    """
    seals = sealed_month(engine, month)
    folder = ArchiveFolder(location, archive_name(month))
    if folder.exists():
        raise ArchiveRefused(f"{folder.place} is an archive already: choose another place")
    with reading(engine, "archive") as connection:
        revision = revision_in(connection)
    try:
        with adbc.connect(url_of(engine)) as bulk:
            writer = _Writer(folder, bulk, progress)
            _write_month(writer, engine, seals, others)
    except adbc_driver_manager.OperationalError as error:
        raise Unavailable("archive: the database is out of reach") from error
    manifest = Manifest(
        archive=archive_name(month),
        month=month,
        schema=revision,
        days=[_archived_day(seal) for seal in seals],
        files=writer.files,
    )
    findings = check_archive(folder, manifest, progress=progress)
    if findings:
        raise Contradiction(f"{folder.place} was written and is not complete: {findings[0]}")
    content = manifest_bytes(manifest)
    folder.write(NAME, content)
    return ExportedMonth(manifest, hash_of(content))


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


def _write_month(
    writer: _Writer, engine: Engine, seals: Sequence[Seal], others: Iterable[MonthTable]
) -> None:
    since, until = (at.isoformat() for at in month_bounds(seals[0].day.replace(day=1)))
    with reading(engine, "archive") as connection:
        for seal in seals:
            for table, sql in day_queries(connection, seal.day):
                writer.write(table, seal.day, sql)
        for other in others:
            columns = column_list(connection, other.table)
            rows = other.rows.format(since=since, until=until)
            writer.write(other.table, None, f"SELECT {columns} {rows}")


def _archived_day(seal: Seal) -> ArchivedDay:
    return ArchivedDay(
        day=seal.day,
        previous=seal.previous,
        seal=seal.hash,
        layout={table: list(columns) for table, columns in seal.layout.items()},
        counts=seal.counts,
    )
