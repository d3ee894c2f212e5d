"""Let months leave the books of the benchmark, by two people."""

from datetime import date

from sqlalchemy import Engine

from benchmarks.archive.dating import PEOPLE
from feeds.archived.archived_versions import VERSIONS
from feeds.archived.record_release import let_records_go
from ledger.archive.export import export_month
from ledger.archive.release import let_entries_go, let_go, take_month_end
from ledger.archive.row_release import RowsGone, let_rows_go, require_all_follow
from storage.archive.archives import (
    Archive,
    Leaving,
    archive_name,
    decide_release,
    finish_release,
    get_archive,
    request_release,
    store_archive,
)
from storage.archive.files import ArchiveFolder
from vocabulary.clock import SystemClock


class Archivists:
    """Two people who archive months of some books to a folder: one requests, one decides."""

    def __init__(self, engine: Engine, place: str, people: tuple[str, str] = PEOPLE) -> None:
        self._engine = engine
        self._place = place
        self._requester, self._decider = people

    def export(self, month: date) -> None:
        """Write the archive of a month."""
        exported = export_month(
            self._engine, month, self._place, others=(VERSIONS,), progress=lambda _: None
        )
        with self._engine.begin() as connection:
            store_archive(
                connection,
                month=month,
                location=self._place,
                manifest_hash=exported.manifest_hash,
                rows=exported.manifest.rows,
                bytes_=exported.manifest.bytes,
                by=self._requester,
            )

    def let_bytes_go(self, month: date) -> None:
        """Let its bytes and entries leave."""
        archive = self._approved(month, Leaving.BYTES)
        folder = ArchiveFolder(self._place, archive.archive_id)
        manifest = folder.manifest()
        released = let_go(self._engine, folder, manifest, progress=lambda _: None)
        entries = let_entries_go(self._engine, manifest, progress=lambda _: None)
        ended = take_month_end(self._engine, by=self._decider)
        assert ended == month, ended
        with self._engine.begin() as connection:
            finish_release(
                connection, archive, by=self._decider, rows=released, entries=entries
            )

    def let_rows_go(self, month: date) -> RowsGone:
        """Let its rows leave; returns how many did, beside its records."""
        archive = self._approved(month, Leaving.ROWS)
        gone = let_rows_go(self._engine, archive, progress=lambda _: None)
        records = let_records_go(
            self._engine, archive, by=self._decider, progress=lambda _: None
        )
        require_all_follow(archive, gone)
        with self._engine.begin() as connection:
            left = {"operations": gone.operations, "records": records.records}
            finish_release(connection, archive, Leaving.ROWS, by=self._decider, **left)
        return gone

    def _approved(self, month: date, what: Leaving) -> Archive:
        """An archive whose release is requested by one person and approved by another."""
        name, now = archive_name(month), SystemClock().now()
        with self._engine.begin() as connection:
            archive = get_archive(connection, name)
            request_release(
                connection, archive, what, reason="old", by=self._requester, now=now
            )
            archive = get_archive(connection, name)
            decide_release(connection, archive, "approved", what, by=self._decider, now=now)
        return archive
