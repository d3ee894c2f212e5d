"""An archive drill: a month leaves the database for its archive, and is read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from benchmarks.archive.dating import date_rows, past_months, seal_month
from benchmarks.archive.letting_go import Archivists
from benchmarks.archive.sizes import table_sizes
from ledger.archive.check import check_archive
from ledger.archive.demands import demand
from ledger.archive.recall import recall
from ledger.posting.posting import post_all
from storage.archive.archives import archive_name, get_archive
from storage.archive.files import ArchiveFolder
from storage.engine import open_engine
from storage.transactions import reading, transaction
from vocabulary.ids import RowKind

#: People of the tests who archive.
REQUESTER, DECIDER = "maria", "jonas"

_CALLBACKS = "SELECT count(*) AS callbacks FROM operations WHERE provider <> 'tieout'"
_FIRST_BET = """
SELECT provider, op_key, o::text AS stored FROM operations o
 WHERE provider <> 'tieout' ORDER BY wallet_id, wallet_seq LIMIT 1
"""
_STORED = """
SELECT provider, op_key, o::text AS stored FROM operations o
 WHERE (provider, op_key) = (:provider, :op_key)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveDrillResult:
    """What became of one month of callbacks.

    Attributes:
        callbacks: of the month.
        hot_bytes: of rows and indexes before anything left, by callback.
        archived_bytes: of the files, by callback.
        kept_bytes: of rows and indexes after bytes, entries and rows left, by callback.
        faults: what reading the archive back found, in sentences.
        came_back: whether a recalled operation has the row that left.
    """

    callbacks: int
    hot_bytes: int
    archived_bytes: int
    kept_bytes: int
    faults: list[str]
    came_back: bool


class ArchiveDrill:
    """The drill on one database.

    Args:
        database: by URL, of its owner, before its first callback.
        folder: an existing one, for the archive.
    """

    def __init__(self, database: str, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._engine = open_engine(database)
        self._empty = self._bytes()

    def run(self) -> ArchiveDrillResult:
        """Date what was accepted today into the last month, let it go, and read it back."""
        (month,) = past_months(1)
        post_all(self._engine)
        date_rows(self._database, month)
        seal_month(self._engine, month)
        callbacks = self._row(_CALLBACKS)["callbacks"]
        hot = self._bytes()
        archivists = Archivists(self._engine, str(self._folder), (REQUESTER, DECIDER))
        archivists.export(month)
        archivists.let_bytes_go(month)
        bet = self._row(_FIRST_BET)
        archivists.let_rows_go(month)
        kept = self._bytes()
        with reading(self._engine, "drill") as connection:
            archive = get_archive(connection, archive_name(month))
        files = ArchiveFolder(archive.location, archive.archive_id)
        manifest = files.manifest(archive.manifest_hash)
        result = ArchiveDrillResult(
            callbacks=callbacks,
            hot_bytes=(hot - self._empty) // callbacks,
            archived_bytes=archive.bytes // callbacks,
            kept_bytes=(kept - self._empty) // callbacks,
            faults=check_archive(files, manifest, progress=lambda _: None),
            came_back=self._recalled(bet) == bet,
        )
        self._engine.dispose()
        return result

    def _recalled(self, bet: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row of a bet, after it was brought back from the archive."""
        provider, op_key = bet["provider"], bet["op_key"]
        with transaction(self._engine, "drill") as connection:
            number = demand(connection, RowKind.OPERATION, provider, op_key, by=REQUESTER)
        recall(self._engine, number)
        return self._row(_STORED, provider=provider, op_key=op_key)

    def _row(self, sql: str, **params: str) -> Mapping[str, Any]:
        with reading(self._engine, "drill") as connection:
            return dict(connection.execute(text(sql), params).mappings().one())

    def _bytes(self) -> int:
        """Of all rows and their indexes, without room between them."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute("VACUUM (FULL)")
        return sum(table_sizes(self._database).values())
