"""Connections to one database URL: SQLAlchemy over psycopg; asyncpg for the accept path.

``postgresql://user@host/db`` or, over a Unix socket, ``postgresql://user@/db?host=/socket/dir``.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine, ExceptionContext, create_engine, event

if TYPE_CHECKING:
    import asyncpg
    from psycopg import Connection as PsycopgConnection
    from psycopg.rows import TupleRow

#: Longest wait for a connection, in seconds: an outage is reported, not waited out.
CONNECT_TIMEOUT_S = 5
#: Notice within a minute that a host vanished. Seconds, milliseconds and a number of probes; a
#: Unix socket ignores them.
_KEEPALIVE = {
    "keepalives_idle": 15,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 45_000,
}
#: Classes of SQLSTATE whose errors go on with the row, the key or the text that is refused.
_ABOUT_VALUES = frozenset({"22", "23"})


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """A SQLAlchemy engine on the URL; connections are made on first use, and count in UTC.

    Its errors do not repeat the values of a statement, nor show the row that the database
    refuses: they hold callbacks and hashes, and whoever logs an error logs its text.
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVE},
    )
    event.listen(engine, "connect", _count_in_utc)
    event.listen(engine, "handle_error", _shorten)
    return engine


def _shorten(failure: ExceptionContext) -> None:
    """Leave the first line of an error about values; its ``diag`` keeps the others."""
    driver_error = failure.original_exception
    if (getattr(driver_error, "sqlstate", None) or "")[:2] not in _ABOUT_VALUES:
        return
    full = str(driver_error)
    first = full.partition("\n")[0]
    for error in (driver_error, failure.sqlalchemy_exception):
        if error is not None:
            error.args = tuple(str(part).replace(full, first) for part in error.args)


def _count_in_utc(connection: "PsycopgConnection[TupleRow]", _record: object) -> None:
    """Set the zone of a session, unless the server has it in UTC anyway.

    In a zone that changes its clocks, PostgreSQL and Python take some days for 23 or 25 hours.
    """
    if connection.info.parameter_status("TimeZone") != "UTC":
        connection.execute("SET TimeZone = 'UTC'")
        connection.commit()


async def open_accept_connection(
    url: str, *, statement_timeout_s: float = 0
) -> "asyncpg.Connection":
    """The asyncpg connection of one acceptor; it prepares each statement once.

    Args:
        url: the database.
        statement_timeout_s: after this time the server gives a statement up, so that it does
            not finish work that nobody waits for any more; 0: never.
    """
    import asyncpg  # noqa: PLC0415 - 60 ms that only the accept path needs

    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, statement_cache_size=64)
    if statement_timeout_s:
        milliseconds = str(max(1, round(statement_timeout_s * 1000)))
        await connection.execute(f"SET statement_timeout = {milliseconds}")
    return connection


async def database_time(connection: "asyncpg.Connection") -> datetime:
    """The database's clock, now."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def is_read_only(connection: "asyncpg.Connection") -> bool:
    """Whether the database takes no writes: a replica, or one that was made read-only."""
    read_only: bool = await connection.fetchval(
        "SELECT current_setting('transaction_read_only')::boolean"
    )
    return read_only


def url_of(engine: Engine) -> str:
    """The database URL of an engine, for psycopg and asyncpg."""
    url = engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)
