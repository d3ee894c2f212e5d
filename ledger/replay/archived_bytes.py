"""The archived bytes of a window, laid out so that a replay finds them in the order of chains.

Archives are ordered by batches, and a replay reads wallet by wallet. So the archived rows are
copied once into a temporary file with an index; memory does not grow with them.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ledger.accepting.model import DeliveryRow, OperationRow
from ledger.archive.months import month_bounds
from ledger.proofs.temporary_files import temporary_files_fail
from ledger.replay.report import ReplayWindow
from storage.archive.archives import Archive, list_archives
from storage.archive.digests import digest_of_bytes, is_let_go
from storage.archive.rows import archived_rows
from vocabulary.errors import Contradiction
from vocabulary.ids import transaction_id

# Deliveries are rows of wallet 0, which does not exist.
_TABLE = """
CREATE TABLE archived (wallet INTEGER, number INTEGER, headers TEXT, body BLOB,
                       PRIMARY KEY (wallet, number)) WITHOUT ROWID
"""
_INSERT = "INSERT INTO archived VALUES (?, ?, ?, ?)"
_SELECT = "SELECT headers, body FROM archived WHERE wallet = ? AND number = ?"
_NO_WALLET = 0

_Row = TypeVar("_Row", OperationRow, DeliveryRow)


class ArchivedBytes:
    """Looks archived bytes up; without archives it returns rows as they are."""

    def __init__(self, file: sqlite3.Connection | None) -> None:
        self._file = file

    def operations(self, rows: Sequence[OperationRow]) -> Sequence[OperationRow]:
        """Operations with their bytes."""
        if self._file is None:
            return rows
        return [
            self._whole(row, row.wallet_id, row.wallet_seq) if is_let_go(row.body) else row
            for row in rows
        ]

    def deliveries(self, rows: Sequence[tuple[int, DeliveryRow]]) -> Sequence[DeliveryRow]:
        """Deliveries, given with their ids, with their bytes."""
        return [
            self._whole(row, _NO_WALLET, number)
            if self._file is not None and is_let_go(row.body)
            else row
            for number, row in rows
        ]

    def _whole(self, row: _Row, wallet: int, number: int) -> _Row:
        assert self._file is not None
        found = self._file.execute(_SELECT, (wallet, number)).fetchone()
        if found is None:
            return row  # of an archive that the window does not touch
        headers, body = found
        if digest_of_bytes(headers, body) != row.body:
            name = f"delivery {number}" if not wallet else transaction_id(wallet, number)
            raise Contradiction(
                f"{name}: its archive does not have the bytes that left the database; see"
                " `tieout archive check`"
            )
        return row._replace(headers=headers, body=body)


@contextmanager
def copied_archives(connection: Connection, window: ReplayWindow) -> Iterator[Path | None]:
    """A file with the archived bytes of a window, until the block ends; None: there are none.

    Raises:
        Unavailable: an archive is out of reach, or the file cannot be written.
    """
    archives = [archive for archive in list_archives(connection) if _touches(archive, window)]
    if not archives:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tieout-replay-") as folder:
        path = Path(folder) / "archived"
        copy_archives(archives, path)
        yield path


@contextmanager
def open_archived_bytes(path: Path | None) -> Iterator[ArchivedBytes]:
    """The archived bytes of a file of ``copied_archives``."""
    if path is None:
        yield ArchivedBytes(None)
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        yield ArchivedBytes(file)


def copy_archives(archives: Sequence[Archive], path: Path) -> None:
    """Write the bytes of archives into a new file.

    Raises:
        Unavailable: an archive is out of reach, or the file cannot be written.
    """
    what = f"replay: cannot write temporary files in {path.parent}"
    try:
        path.touch()  # unlike SQLite, the system says why it opens no file
    except OSError as error:
        raise temporary_files_fail(what, error) from error
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("PRAGMA journal_mode = off")
            file.execute("PRAGMA synchronous = off")
            file.execute(_TABLE)
            file.execute("BEGIN")
            for archive in archives:
                _copy(archive, file)
            file.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise temporary_files_fail(what, error) from error


def _copy(archive: Archive, file: sqlite3.Connection) -> None:
    columns = ["wallet_id", "wallet_seq", "headers", "body"]
    file.executemany(_INSERT, archived_rows(archive, "operations", columns))
    columns = ["delivery_id", "headers", "body"]
    deliveries = archived_rows(archive, "deliveries", columns)
    file.executemany(_INSERT, ((_NO_WALLET, *row) for row in deliveries))


def _touches(archive: Archive, window: ReplayWindow) -> bool:
    """Whether bytes of the archive left the database, and the window decides some of them."""
    since, until = month_bounds(archive.month)
    return (
        archive.state == "approved"
        and (window.since is None or window.since < until)
        and (window.until is None or since < window.until)
    )
