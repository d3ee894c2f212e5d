"""One database URL, two ways in: SQLAlchemy over psycopg; asyncpg for the accept path.

``postgresql://user@host/db`` or, over a Unix socket, ``postgresql://user@/db?host=/socket/dir``.
"""

import asyncpg
from sqlalchemy import Engine, create_engine

#: Longest wait for a connection, in seconds: an outage is reported, not waited out.
CONNECT_TIMEOUT_S = 5


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """A SQLAlchemy engine on the URL; connections are made on first use."""
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


async def open_accept_connection(url: str) -> "asyncpg.Connection":
    """The asyncpg connection of one acceptor; statements are prepared once and kept."""
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, statement_cache_size=64)
