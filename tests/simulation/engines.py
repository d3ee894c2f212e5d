"""A PostgreSQL of the campaign's own: a migrated template, and databases made from it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ops.runtime import postgres_server, servers
from ops.runtime.data_directory import locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate

TEMPLATE = "template_books"
#: A campaign may lose its books in a power cut: it makes them again.
HASTE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Template:
    """The URL of a migrated database that others are made from."""

    url: str

    def sibling(self, name: str) -> str:
        """The URL of another database of the same server."""
        return self.url.replace(f"/{TEMPLATE}?", f"/{name}?")

    @contextlib.contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """The URL of a fresh migrated database, dropped afterwards."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
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
    """A server in a folder of its own, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tieout-campaign-") as folder:
        home = open_data_directory(Path(folder) / "data")
        try:
            with locked(home):
                postgres_server.start(home)
            made = Template(postgres_server.url(home, TEMPLATE))
            for setting in HASTE:
                made.execute(f"ALTER SYSTEM SET {setting} = off")
            made.execute("SELECT pg_reload_conf()")
            made.execute(f"CREATE DATABASE {TEMPLATE}")
            engine = open_engine(made.url)
            migrate(engine)
            engine.dispose()
            yield made
        finally:
            servers.stop(home.root)
