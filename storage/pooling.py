"""Find out whether a pooler lends sessions of PostgreSQL for one transaction at a time.

Prepared statements, session settings, advisory locks and the console's roles last as long as a
session. Under a pooler in transaction mode they reach another client's transaction, and nothing
fails before there is load.
"""

from contextlib import ExitStack

import psycopg

from storage.engine import CONNECT_TIMEOUT_S

#: Connections that may be lent the session of the first one. One suffices with a pooler that
#: lends what was given back last, and the next question of the first with one that takes turns.
_TRIES = 3
_SESSION = "SELECT pg_backend_pid()"


def lends_sessions(url: str) -> bool:
    """Whether two connections that are open at once were given one session, or one gave up its.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
    """
    with ExitStack() as stack:
        first = stack.enter_context(_connect(url, autocommit=True))
        session = _session_of(first)
        for _ in range(_TRIES):
            other = stack.enter_context(_connect(url, autocommit=False))
            try:
                lent = _session_of(other)  # it stays in its transaction, and keeps what it has
            except psycopg.errors.ProtocolViolation:
                return True  # a pooler that refuses transactions
            if lent == session or _session_of(first) != session:
                return True
    return False


def _connect(url: str, *, autocommit: bool) -> "psycopg.Connection[tuple[int]]":
    return psycopg.connect(url, autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_S)


def _session_of(connection: "psycopg.Connection[tuple[int]]") -> int:
    row = connection.execute(_SESSION).fetchone()
    assert row is not None
    return row[0]
