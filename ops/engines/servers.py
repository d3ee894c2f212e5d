"""The database and broker: external ones, or servers started in the data directory."""

from dataclasses import dataclass
from pathlib import Path

from ops.engines import postgres_server, unreleased_layout, valkey_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from ops.settings.model import EMBEDDED, Settings
from storage.rights import APPLICATION_ROLE
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The URLs of the database and the broker.

    Attributes:
        database_url: for the application: workers, scheduler and commands.
        owner_url: for who owns the tables; empty: the same.
    """

    database_url: str
    broker_url: str
    owner_url: str = ""

    @property
    def migration_url(self) -> str:
        """For whoever changes the schema."""
        return self.owner_url or self.database_url


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
    owner = settings.database.owner_url
    if EMBEDDED not in {database, broker}:
        return Endpoints(database_url=database, broker_url=broker, owner_url=owner)
    home = open_data_directory(data_dir)
    try:
        with locked(home):
            if database == EMBEDDED:
                owner, database = start_postgres(home), _application_url(home)
            if broker == EMBEDDED:
                broker = start_valkey(home)
    except OSError as error:
        raise Unavailable(f"embedded servers cannot run in {home.root}: {error}") from error
    return Endpoints(database_url=database, broker_url=broker, owner_url=owner)


def ensure_database(data_dir: Path, settings: Settings) -> str:
    """Start, reuse or recover only the embedded database; returns the application's URL.

    Raises:
        Unavailable: there are no books, or they cannot be started here; the message says what
            to do or to set instead.
    """
    if settings.database.url != EMBEDDED:
        return settings.database.url
    _require_books(data_dir)
    _start_only_postgres(data_dir)
    return _application_url(open_data_directory(data_dir))


def ensure_owned_database(data_dir: Path, settings: Settings) -> str:
    """As ``ensure_database``; returns the URL of the owner of the tables."""
    if settings.database.url == EMBEDDED:
        _require_books(data_dir)
    return ensure_new_database(data_dir, settings)


def ensure_new_database(data_dir: Path, settings: Settings) -> str:
    """As ``ensure_owned_database``, but make a database where there is none."""
    if settings.database.url != EMBEDDED:
        return settings.database.owner_url or settings.database.url
    return _start_only_postgres(data_dir)


def _require_books(data_dir: Path) -> None:
    """Refuse a directory without books: in a wrong one, people would read empty ones."""
    if not postgres_server.is_made(data_dir):
        raise Unavailable(
            f"no books are in {data_dir.resolve()}: name their data directory with --data or"
            " TIEOUT_DATA, or make new ones with `tieout init`"
        )


def _start_only_postgres(data_dir: Path) -> str:
    home = open_data_directory(data_dir)
    try:
        with locked(home):
            return start_postgres(home)
    except OSError as error:
        raise Unavailable(f"embedded servers cannot run in {home.root}: {error}") from error


def _application_url(home: DataDirectory) -> str:
    return postgres_server.url(home, role=APPLICATION_ROLE)


def start_postgres(home: DataDirectory) -> str:
    """Start or reuse PostgreSQL in the locked directory; returns its owner's URL.

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
