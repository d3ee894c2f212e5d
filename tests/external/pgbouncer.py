"""PgBouncer of Debian's package before the tests' PostgreSQL, with a database per pool mode."""

from pathlib import Path

import psycopg

from tests.external.servers import (
    HOST,
    PASSWORD,
    USER,
    Certificate,
    Postgres,
    Server,
    as_ordinary_user,
    ended_with_this_process,
)
from tests.harness.servers.ports import free_port

MODES = ("session", "transaction", "statement")
_CONFIGURATION = """\
[databases]
{databases}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = {user}
"""
_DATABASE = (
    "{mode} = host={host} port={port} dbname={name} user={user} password='{password}'"
    " pool_mode={mode}"
)


class PgBouncer(Server):
    """A pooler; its databases are called like their pool modes and are all the same one."""

    port = 0

    def __init__(
        self, folder: Path, tls: Certificate, postgres: Postgres, database: str
    ) -> None:
        super().__init__(folder, tls)
        self._postgres, self._database = postgres, database

    def choose_ports(self) -> None:
        self.port = free_port()
        server = {"host": HOST, "user": USER, "password": PASSWORD, "name": self._database}
        databases = "\n".join(
            _DATABASE.format(mode=mode, port=self._postgres.port, **server) for mode in MODES
        )
        text = _CONFIGURATION.format(databases=databases, host=HOST, port=self.port, user=USER)
        (self.folder / "pgbouncer.ini").write_text(text)

    def commands(self) -> list[list[str]]:
        program = ["/usr/sbin/pgbouncer", str(self.folder / "pgbouncer.ini")]
        return [[*as_ordinary_user(), *ended_with_this_process(program)]]

    def url(self, mode: str) -> str:
        return f"postgresql://{USER}@{HOST}:{self.port}/{mode}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("session")).close()
        except psycopg.OperationalError:
            return False
        return True

    def take_turns(self) -> None:
        """Lend the sessions in turn from now on, instead of the last one given back first."""
        with psycopg.connect(self.url("pgbouncer"), autocommit=True) as connection:
            connection.execute("SET server_round_robin = 1")
