"""Let the bytes of statement files go whose records left; the row of each file stays.

They are in the supplement that the records left for. Each file has a transaction of its own.
"""

from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.archive.months import month_bounds
from storage.archive.archives import Archive
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction

_STAGED = "SELECT file_id FROM leaving_files ORDER BY file_id"
_LET_GO = "SELECT let_go_of_file(:file, :archive, :number, :until)"


def let_files_go(
    owner: Engine, archive: Archive, number: int, progress: Callable[[int], None]
) -> int:
    """Let the bytes of all staged files go whose records left; returns how many files did.

    A file stays, and leaves with a later month, if a record of it stayed.

    Args:
        owner: of the tables.
        archive: of the month.
        number: of the supplement that has the files.
        progress: called after each file.

    Raises:
        Contradiction: a file is not as it was read back from the supplement; it stays, and so
            do those after it.
        Unavailable: the database is out of reach.
    """
    _, until = month_bounds(archive.month)
    with reading(owner, "archive") as connection:
        files = list(connection.execute(text(_STAGED)).scalars())
    total = 0
    for file_id in files:
        params = {
            "file": file_id,
            "archive": archive.archive_id,
            "number": number,
            "until": until,
        }
        try:
            with transaction(owner, "archive") as connection:
                total += connection.execute(text(_LET_GO), params).scalar_one()
        except IntegrityError as error:
            cause = str(error.orig).partition("\n")[0]
            raise Contradiction(f"file {file_id} stays: {cause}") from error
        progress(1)
    return total
