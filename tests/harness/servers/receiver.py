"""Real ``tieout`` processes for tests, a raw client for a receiver, and its database."""

import contextlib
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from ledger.checks.run import verify
from ledger.players.importer import import_players, read_players
from ledger.posting.posting import post_all_at
from ledger.queries.balances import balance_of
from providers.contract import Callback
from storage.engine import open_engine
from tests.harness.people import signed_in
from tests.harness.servers.forked_commands import run_command
from tests.harness.servers.ports import free_port
from vocabulary.currencies import ISO_ONLY

WAIT_S = 120.0
POLL_S = 0.02
SECRET = b"sample-secret"
OLD_SECRET = b"the secret before it"

SETTINGS = f"""
mode = "test"
[receiver]
read_timeout = "300ms"
drain_timeout = "5s"
commit_timeout = "60s"
body_bytes_max = 20000
trusted_proxies = ["127.0.0.1/32"]
[workers]
sweep_after = "1s"
sweep_every = "200ms"
[[providers]]
slug = "games"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:{SECRET.decode()}", "literal:{OLD_SECRET.decode()}"]
[[providers]]
slug = "sport"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:{SECRET.decode()}", "literal:{OLD_SECRET.decode()}"]
[[providers]]
slug = "sport-fenced"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:{SECRET.decode()}"]
allow_ips = ["203.0.113.0/24"]
[[providers]]
slug = "games-fenced"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:{SECRET.decode()}"]
allow_ips = ["203.0.113.0/24"]
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response."""

    status: int
    body: bytes


class TieoutProcess:
    """One running ``tieout`` command in a process group of its own."""

    def __init__(self, folder: Path, database: str, broker: str, *arguments: str) -> None:
        self.folder = folder
        self._environ = {
            **os.environ,
            "TIEOUT_DATABASE__URL": database,
            "TIEOUT_BROKER__URL": broker,
            "TIEOUT_DATA": str(folder / "data"),
        }
        (folder / "tieout.toml").touch()
        self._log = folder / f"{arguments[0]}-{len(list(folder.iterdir()))}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops", *arguments],
                cwd=folder,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        """Everything it has written."""
        return self._log.read_text(encoding="utf-8")

    def has_logged(self, text: str) -> bool:
        """Whether it has written this text."""
        return text in self.log()

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def kill(self) -> None:
        """Kill the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``tieout`` command with the same folder and settings."""
        return run_command(
            arguments,
            cwd=self.folder,
            env={**self._environ, **signed_in(arguments)},
            timeout=WAIT_S,
        )


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition that another process brings about; False after ``WAIT_S``."""
    pause = threading.Event()
    return any(condition() or pause.wait(POLL_S) for _ in range(int(WAIT_S / POLL_S)))


class ReceiverClient:
    """An HTTP client for one receiver that can also send invalid requests."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(
        self, slug: str, callback: Callback, *, method: str = "POST", **headers: str
    ) -> Reply:
        """Send a callback as its provider would; underscores in header names become hyphens."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/callbacks/{slug}{callback.route}"
        return self.request(method, path, {**callback.headers, **extra}, callback.body)

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """Send one request over its own connection."""
        lines = {"host": "localhost", "content-length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        start = f"{method} {path} HTTP/1.1\r\n"
        return self.send(f"{start}{head}\r\n".encode("utf-8", "surrogateescape") + body)

    def send(self, raw: bytes, *, then_close: bool = False) -> Reply:
        """Send raw bytes; the reply's status is 0 if the connection is closed without one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(raw)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            return _reply(connection)

    def metric(self, line: str) -> int:
        """The value of one counter, or 0 if it is absent."""
        text = self.request("GET", "/metrics").body.decode()
        values = [row.rsplit(" ", 1)[1] for row in text.splitlines() if row.startswith(line)]
        return int(float(values[0])) if values else 0

    def is_ready(self) -> bool:
        """Whether the receiver is ready for callbacks."""
        try:
            return self.request("GET", "/readyz").status == 200
        except OSError:
            return False


def _reply(connection: socket.socket) -> Reply:
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return Reply(response.status, response.read())
    except (http.client.HTTPException, ConnectionResetError):
        return Reply(0, b"")
    finally:
        response.close()


class LedgerDatabase:
    """Queries and changes of the database behind a receiver."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = open_engine(url)

    def player(self, *names: str, balance: str = "100.00", currency: str = "USD") -> None:
        """Open a wallet for each name."""
        lines = ["player,currency,balance", *(f"{n},{currency},{balance}" for n in names)]
        import_players(self._engine, read_players(io.StringIO("\n".join(lines)), ISO_ONLY))

    def balance(self, player: str, currency: str = "USD") -> int:
        """A player's balance, in minor units."""
        wallet = balance_of(self._engine, player=player, currency=currency)
        assert wallet is not None
        return wallet.balance

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        """Execute a statement."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode())

    def rewrite(self, statement: str) -> None:
        """Execute a statement that the guards of evidence refuse."""
        self.run(f"SET LOCAL session_replication_role = replica; {statement}")

    def counts(self) -> tuple[int, ...]:
        """The number of operations, of deliveries, and of malformed deliveries."""
        (row,) = self.rows(
            "SELECT (SELECT count(*) FROM operations), (SELECT count(*) FROM deliveries),"
            " (SELECT count(*) FROM deliveries WHERE verdict = 'malformed')"
        )
        return row

    def failed_checks(self) -> list[str]:
        """Post everything and verify the ledger; returns the names of failed checks."""
        post_all_at(self.url)
        return [check.name for check in verify(self._engine) if check.wrong]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextlib.contextmanager
def receivers(
    folder: Path, database: str, broker: str, *, processes: int = 1, settings: str = SETTINGS
) -> Iterator[tuple[ReceiverClient, list[TieoutProcess]]]:
    """Run receivers that share one port; yields when they are ready, kills them at the end."""
    client = ReceiverClient(free_port())
    (folder / "tieout.toml").write_text(settings)
    arguments = ("receiver", "--port", str(client.port))
    running = [TieoutProcess(folder, database, broker, *arguments) for _ in range(processes)]
    try:
        assert wait_until(
            lambda: all(process.has_logged("receiver_started") for process in running)
        ), [process.log() for process in running]
        yield client, running
    finally:
        for process in running:
            process.kill()
