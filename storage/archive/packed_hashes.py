"""Hashes of what left for archives, packed many to a row: add those that are staged."""

from sqlalchemy import Engine, text

from storage.transactions import transaction
from storage.vacuum import vacuum

#: Calls after which the space of replaced rows is reclaimed.
MERGES_PER_VACUUM = 5
#: The smallest hash there is.
_FIRST_HASH = -(1 << 63)


def merge_staged_hashes(owner: Engine, merge: str, table: str) -> None:
    """Add all staged hashes to a table, some in each transaction. Repeating it changes nothing.

    Args:
        owner: of the table.
        merge: a query of where the next call begins, after the hashes from ``:since`` on are
            added; null: all are there.
        table: that has the packed hashes.
    """
    since: int | None = _FIRST_HASH
    calls = 0
    while since is not None:
        with transaction(owner, "archive") as connection:
            since = connection.execute(text(merge), {"since": since}).scalar_one()
        calls += 1
        if calls % MERGES_PER_VACUUM == 0:
            vacuum(owner, table)
