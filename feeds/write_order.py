"""One order per provider for everything that writes its history or closes its days.

Each writer takes the provider's lock, then a number, and keeps the lock until it commits.
"Before the close" and "since the last run" are therefore comparisons of numbers; no clock is
involved.
"""

from sqlalchemy import Connection, text

_KEY = "hashtextextended('feed ' || :provider, 0)"
_LOCK = f"SELECT pg_advisory_xact_lock({_KEY})"
_LOCK_SESSION = f"SELECT pg_advisory_lock({_KEY})"
_UNLOCK_SESSION = f"SELECT pg_advisory_unlock({_KEY})"
_NEXT = "SELECT nextval('feed_order')"


def lock_history(connection: Connection, provider: str) -> None:
    """Hold the lock on a provider's history until the transaction ends."""
    connection.execute(text(_LOCK), {"provider": provider})


def next_number(connection: Connection) -> int:
    """Take the number of this write; the caller holds the provider's lock."""
    number: int = connection.execute(text(_NEXT)).scalar_one()
    return number


def number_between_writes(connection: Connection, provider: str) -> int:
    """A number of its own: every write of the provider before it is committed.

    Waits for a writer that has taken a number and has not committed yet.
    """
    connection.execute(text(_LOCK_SESSION), {"provider": provider})
    try:
        number = next_number(connection)
    finally:
        connection.execute(text(_UNLOCK_SESSION), {"provider": provider})
    return number
