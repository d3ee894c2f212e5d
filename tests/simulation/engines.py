"""A PostgreSQL server for the campaign: a migrated template, and databases made from it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ops.engines import postgres_server, servers
from ops.engines.data_directory import locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate

TEMPLATE = "template_books"
#: Settings switched off: a campaign may lose its books in a power cut.
UNSAFE_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Template:
    """A migrated database from which others are database_template."""

    url: str

    def sibling(self, name: str) -> str:
        """The URL of another database of the same server."""
        return self.url.replace(f"/{TEMPLATE}?", f"/{name}?")

    @contextlib.contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """The URL of a fresh migrated database, dropped afterwards."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        try:
            yield self.sibling(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(self.sibling("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def template() -> Iterator[Template]:
    """Start a server in a temporary folder; it is stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tieout-campaign-") as folder:
        home = open_data_directory(Path(folder) / "data")
        try:
            with locked(home):
                postgres_server.start(home)
            database_template = Template(postgres_server.url(home, TEMPLATE))
            for setting in UNSAFE_SETTINGS:
                database_template.execute(f"ALTER SYSTEM SET {setting} = off")
            database_template.execute("SELECT pg_reload_conf()")
            database_template.execute(f"CREATE DATABASE {TEMPLATE}")
            engine = open_engine(database_template.url)
            migrate(engine)
            engine.dispose()
            yield database_template
        finally:
            servers.stop(home.root)
