"""Let the rows of an archived month go: operations, and the rounds that they add up to.

What leaves is found once and staged. Its keys are added to ``archived_keys`` first, so that no
key is free at any time; then chunks of rows leave, each in a transaction of its own. The
database's triggers look at every row again. Repeating an interrupted run completes it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, text

from ledger.archive.months import month_bounds
from storage.archive.archives import Archive, require_rows_may_leave
from storage.archive.packed_hashes import merge_staged_hashes
from storage.transactions import transaction
from storage.vacuum import vacuum
from vocabulary.errors import Contradiction
from vocabulary.plurals import counted

_NAMED_MAX = 10
_TABLES = ("operations", "rounds", "archived_keys")

_BEGIN = """
INSERT INTO archived_row_months (month, at)
SELECT :month, :until
 WHERE NOT EXISTS (SELECT FROM archived_row_months WHERE month = :month)
"""
_STAGE = "SELECT stage_leaving_rows(:until)"
_MERGE = "SELECT merge_archived_keys(:since)"
_CHUNKS = "SELECT DISTINCT chunk FROM leaving_operations ORDER BY chunk"
_LET_GO = "SELECT operations, rounds, wrong FROM let_go_of_rows(:chunk, :until)"
_END = "TRUNCATE leaving_operations, leaving_keys"
_NOTE_END = """
UPDATE archived_row_months SET let_go_at = clock_timestamp()
 WHERE month = :month AND let_go_at IS NULL
"""


class RowsGone(NamedTuple):
    """How many rows left; ``wrong`` names rounds that stay because they do not follow."""

    operations: int
    rounds: int
    wrong: tuple[str, ...] = ()

    def plus(self, other: "RowsGone") -> "RowsGone":
        """Both together; of rounds that stay, those of the other."""
        return RowsGone(
            self.operations + other.operations, self.rounds + other.rounds, other.wrong
        )


def let_rows_go(
    owner: Engine, archive: Archive, *, progress: Callable[[int], None]
) -> RowsGone:
    """Let the rows of an archived month go whose release is approved.

    From the beginning on, ``rows_begin_at()`` of the database is the end of the month. Rounds
    stay that go on, wait for somebody's decision or have a correction; they leave with a
    later month.

    Raises:
        ArchiveRefused: the month is not the next one to leave; nothing left.
        Unavailable: the database is out of reach.
    """
    _, until = month_bounds(archive.month)
    with transaction(owner, "archive") as connection:
        require_rows_may_leave(connection, archive)
        connection.execute(text(_BEGIN), {"month": archive.month, "until": until})
    with transaction(owner, "archive") as connection:
        connection.execute(text(_STAGE), {"until": until})
    merge_staged_hashes(owner, _MERGE, "archived_keys")
    gone = _let_chunks_go(owner, until, progress)
    with transaction(owner, "archive") as connection:
        connection.execute(text(_END))
        connection.execute(text(_NOTE_END), {"month": archive.month})
    for table in _TABLES:
        vacuum(owner, table)
    return gone


def require_all_follow(archive: Archive, gone: RowsGone) -> None:
    """Check that no round stayed because its row does not follow from its operations.

    Raises:
        Contradiction: some do not; names the first.
    """
    if gone.wrong:
        raise Contradiction(
            f"{archive.archive_id}: {counted(len(gone.wrong), 'round')} kept"
            f" ({', '.join(gone.wrong[:_NAMED_MAX])}): their operations add up to others; see"
            " `tieout ledger verify`"
        )


def _let_chunks_go(owner: Engine, until: datetime, progress: Callable[[int], None]) -> RowsGone:
    """Let staged chunks go until none gets smaller: some wait for what they undid to leave."""
    total = RowsGone(0, 0)
    while True:
        left = RowsGone(0, 0)
        wrong: list[str] = []
        for chunk in _chunks(owner):
            with transaction(owner, "archive") as connection:
                row = connection.execute(text(_LET_GO), {"chunk": chunk, "until": until}).one()
            left = left.plus(RowsGone(row.operations, row.rounds))
            wrong += row.wrong
            progress(row.operations)
        total = total.plus(left)._replace(wrong=tuple(wrong))
        if not left.operations:
            return total


def _chunks(owner: Engine) -> Iterator[int]:
    with transaction(owner, "archive") as connection:
        chunks = list(connection.execute(text(_CHUNKS)).scalars())
    yield from chunks
