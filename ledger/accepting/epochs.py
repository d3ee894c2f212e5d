"""The epoch of transaction ids, which each restore raises, and the hold while one is under way.

A restore takes back the last positions of many chains, and providers hold the ids of what was
there. ``tieout restore begin`` raises the epoch, which later ids carry, and holds the books;
``tieout restore finish`` opens them. Reads ``restores``.
"""

from typing import TYPE_CHECKING

from vocabulary.errors import Unavailable

if TYPE_CHECKING:
    import asyncpg

#: The mark of the epoch: 0 before any restore, negative while a restore holds the books.
READ_MARK = """
SELECT coalesce((SELECT CASE WHEN finished_at IS NULL THEN -epoch ELSE epoch END
                   FROM restores ORDER BY epoch DESC LIMIT 1), 0)
"""


class RestoreUnderWay(Unavailable):
    """A restore of the database has begun and is not finished: nothing is booked."""


async def read_mark(connection: "asyncpg.Connection", *, during_restore: bool) -> int:
    """The mark of the epoch; its amount is the epoch.

    Raises:
        RestoreUnderWay: the books are held, and the caller does not book during a restore.
    """
    mark: int = await connection.fetchval(READ_MARK)
    if mark < 0 and not during_restore:
        raise RestoreUnderWay(
            "a restore of the database is under way and nothing is booked:"
            " prove the books with `tieout restore verify`, then run `tieout restore finish`"
        )
    return mark
