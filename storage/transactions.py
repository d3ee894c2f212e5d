"""Connections and transactions that report an outage of the database as ``Unavailable``."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from storage.engine import open_engine
from storage.people import refused_people
from vocabulary.errors import Unavailable
from vocabulary.pacing import pause_point

#: The first statement of a transaction whose queries all see the database at one instant.
AT_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def outages(subject: str) -> Iterator[None]:
    """Report an outage of the database.

    Raises:
        Unavailable: the database is out of reach; the message begins with the subject.
    """
    try:
        yield
    except OperationalError as error:
        prefix = f"{subject}: " if subject else ""
        raise Unavailable(f"{prefix}the database is out of reach") from error


@contextmanager
def transaction(engine: Engine, subject: str) -> Iterator[Connection]:
    """A transaction that commits at the end. Raises as ``outages``.

    Raises:
        PersonRefused: the database does not take the person, or not beside another one.
    """
    pause_point()
    with outages(subject), refused_people(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine, subject: str) -> Iterator[Connection]:
    """A connection for queries. Raises as ``outages``."""
    pause_point()
    with outages(subject), engine.connect() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine, subject: str) -> Iterator[Connection]:
    """A connection whose queries all see the database at one instant. Raises as ``outages``."""
    with reading(engine, subject) as connection:
        connection.execute(text(AT_ONE_INSTANT))
        yield connection


@contextmanager
def shared_snapshot(engine: Engine, subject: str) -> Iterator[tuple[Connection, str]]:
    """A snapshot, and the name by which others join it while the block lasts.

    Raises:
        Unavailable: the database is out of reach.
    """
    with snapshot(engine, subject) as connection:
        yield connection, exported(connection)


def exported(connection: Connection) -> str:
    """The name by which others join the snapshot of a connection, while it is open."""
    name: str = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    return name


@contextmanager
def joined_snapshot(engine: Engine, subject: str, name: str) -> Iterator[Connection]:
    """A connection whose queries see what ``shared_snapshot`` named. Raises as ``outages``."""
    with snapshot(engine, subject) as connection:
        connection.execute(text(f"SET TRANSACTION SNAPSHOT '{name}'"))
        yield connection


@contextmanager
def engine_at(database_url: str, *, pool_size: int = 5) -> Iterator[Engine]:
    """An engine whose connections are closed at the end."""
    engine = open_engine(database_url, pool_size=pool_size)
    try:
        yield engine
    finally:
        engine.dispose()
