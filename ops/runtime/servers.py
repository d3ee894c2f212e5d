"""The database and broker: external ones, or servers started in the data directory."""

from dataclasses import dataclass
from pathlib import Path

from ops.runtime import postgres_server, unreleased_layout, valkey_server
from ops.runtime.data_directory import DataDirectory, locked, open_data_directory
from ops.settings.model import EMBEDDED, Settings
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The URLs of the database and the broker."""

    database_url: str
    broker_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPids:
    """Process ids of the embedded servers; None where none runs."""

    postgres: int | None
    valkey: int | None


def ensure_running(data_dir: Path, settings: Settings) -> Endpoints:
    """Start, reuse or recover the embedded servers; URLs of external ones pass unchanged.

    Raises:
        Unavailable: a server cannot be started here; the message says what to set instead.
    """
    database, broker = settings.database.url, settings.broker.url
    if EMBEDDED not in {database, broker}:
        return Endpoints(database_url=database, broker_url=broker)
    home = open_data_directory(data_dir)
    try:
        with locked(home):
            if database == EMBEDDED:
                database = start_postgres(home)
            if broker == EMBEDDED:
                broker = start_valkey(home)
    except OSError as error:
        raise Unavailable(f"embedded servers cannot run in {home.root}: {error}") from error
    return Endpoints(database_url=database, broker_url=broker)


def ensure_database(data_dir: Path, settings: Settings) -> str:
    """Start, reuse or recover only the embedded database; returns the URL of the database.

    Raises:
        Unavailable: it cannot be started here; the message says what to set instead.
    """
    if settings.database.url != EMBEDDED:
        return settings.database.url
    home = open_data_directory(data_dir)
    try:
        with locked(home):
            return start_postgres(home)
    except OSError as error:
        raise Unavailable(f"embedded servers cannot run in {home.root}: {error}") from error


def start_postgres(home: DataDirectory) -> str:
    """Start or reuse PostgreSQL in the locked directory; returns its URL.

    Raises:
        Unavailable: it cannot be started, or a version from before the first release filled it.
    """
    postgres_server.start(home)
    url = postgres_server.url(home)
    unreleased_layout.refuse_unreleased_layout(home, url)
    return url


def start_valkey(home: DataDirectory) -> str:
    """Start or reuse Valkey in the locked directory; returns its URL."""
    valkey_server.start(home)
    return valkey_server.url(home)


def stop(data_dir: Path, *, sparing: ServerPids | None = None) -> None:
    """Stop the embedded servers of a data directory; none running is no error.

    Args:
        data_dir: where they run.
        sparing: processes to leave alone: those that ran before.
    """
    if not data_dir.exists():
        return
    home = open_data_directory(data_dir)
    with locked(home):
        if sparing is None or valkey_server.running(home) != sparing.valkey:
            valkey_server.stop(home)
        if sparing is None or postgres_server.running(home) != sparing.postgres:
            postgres_server.stop(home)


def status(data_dir: Path) -> ServerPids:
    """Which embedded servers of a data directory run."""
    if not data_dir.exists():
        return ServerPids(postgres=None, valkey=None)
    home = open_data_directory(data_dir)
    return ServerPids(
        postgres=postgres_server.running(home), valkey=valkey_server.running(home)
    )
