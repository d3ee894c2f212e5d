"""What a failed call of the database driver means for a batch: race lost, refused, or gone.

A driver raises whatever its state machine meets while a connection dies: errors of the server,
of the socket, of its own protocol, even an ``AttributeError``. Only what the server itself says
about the statement may decide about a batch; everything else means that the connection is gone.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import asyncpg

from ledger.accepting.model import AwayName, away_names_from_json
from vocabulary.errors import Unavailable

_T = TypeVar("_T")

#: The guard of ``operations`` that keeps archived keys unique.
_AWAY_GUARD = "operations_are_not_away"
#: The check that a batch violates if one of its wallets moved on; see ``accept_sql``.
WALLETS_GUARD = "wallets_seq_not_negative"

_RACE_LOST = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
#: Classes of SQLSTATE that speak of the connection or the server, not of the statement.
_SERVER_CLASSES = frozenset(
    {
        "08",  # connection exception
        "25",  # invalid transaction state; a server that became read-only
        "26",  # a prepared statement that this connection does not have
        "28",  # invalid authorisation
        "3D",  # no such database
        "42",  # a right, a table or a column is missing: no request's value does that
        "53",  # insufficient resources: disk full, too many connections
        "57",  # operator intervention: shutting down, cancelled, starting up
        "58",  # system error: an I/O error
    }
)


class RaceLost(Exception):
    """Another receiver changed what the batch rests on: read again and decide again."""


class RowsAway(RaceLost):
    """The batch would write beside rows that left for an archive: put off what names them.

    Attributes:
        names: all that the batch names and that is away.
    """

    def __init__(self, message: str, names: Iterable[AwayName]) -> None:
        super().__init__(message)
        self.names = frozenset(names)


class BatchRefused(Exception):
    """The database refuses a value of the batch: one of its requests cannot be written."""


class ConnectionGone(Exception):
    """The connection cannot be used any more; the batch may or may not be committed."""


async def answer_of(call: Awaitable[_T]) -> _T:
    """The result of a call of the driver.

    Raises:
        RaceLost: a guard or the server's own order decided for another receiver.
        RowsAway: the call would write beside rows that left for an archive.
        BatchRefused: the server refuses what the statement would write.
        ConnectionGone: anything else.
        Unavailable: our own code says so.
        CancelledError: the caller was cancelled while the connection died.
    """
    try:
        return await call
    except Unavailable:
        raise
    except Exception as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # A driver that fails while it is cancelled must not hide the cancellation.
            raise asyncio.CancelledError from error
        raise _meaning(error) from error


def _meaning(error: Exception) -> RaceLost | BatchRefused | ConnectionGone:
    name = type(error).__name__
    if isinstance(error, asyncpg.UniqueViolationError) and (
        error.constraint_name == _AWAY_GUARD
    ):
        return RowsAway(name, away_names_from_json(error.detail))
    if isinstance(error, _RACE_LOST) or (
        isinstance(error, asyncpg.CheckViolationError)
        and error.constraint_name == WALLETS_GUARD
    ):
        return RaceLost(name)
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return BatchRefused(name)  # a value that the driver cannot encode
    if not isinstance(error, asyncpg.PostgresError) or isinstance(
        error, asyncpg.FatalPostgresError
    ):
        return ConnectionGone(name)
    state = str(error.sqlstate or "")
    return ConnectionGone(name) if state[:2] in _SERVER_CLASSES else BatchRefused(name)
