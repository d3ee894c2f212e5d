"""Real ``tieout`` processes for tests, and the ways to knock at a real receiver's door."""

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
from tests.harness.servers.ports import free_port

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
    """What came back over HTTP."""

    status: int
    body: bytes


class Tieout:
    """One running ``tieout`` command in a process group of its own."""

    def __init__(self, folder: Path, database: str, broker: str, *words: str) -> None:
        self.folder = folder
        self._environ = {
            **os.environ,
            "TIEOUT_DATABASE__URL": database,
            "TIEOUT_BROKER__URL": broker,
            "TIEOUT_DATA": str(folder / "data"),
        }
        (folder / "tieout.toml").touch()
        self._log = folder / f"{words[0]}-{len(list(folder.iterdir()))}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops", *words],
                cwd=folder,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        """Everything it wrote."""
        return self._log.read_text(encoding="utf-8")

    def said(self, words: str) -> bool:
        """Whether it has written these words."""
        return words in self.log()

    def terminate(self) -> int:
        """Ask it to stop and wait until it did; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def end(self) -> None:
        """Leave nothing of it behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command to its end in the same place."""
        return subprocess.run(
            [sys.executable, "-m", "ops", *words],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )


def until(what: Callable[[], bool]) -> bool:
    """Wait for something that another process does; False when it does not come in time."""
    pause = threading.Event()
    return any(what() or pause.wait(POLL_S) for _ in range(int(WAIT_S / POLL_S)))


class Door:
    """A receiver's port, knocked at in orderly and in disorderly ways."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, slug: str, came: Callback, *, method: str = "POST", **more: str) -> Reply:
        """Send a callback as its provider would."""
        headers = {**came.headers, **{k.replace("_", "-"): v for k, v in more.items()}}
        return self.ask(method, f"/callbacks/{slug}{came.route}", headers, came.body)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """One request over a connection of its own."""
        lines = {"host": "localhost", "content-length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        start = f"{method} {path} HTTP/1.1\r\n"
        return self.send(f"{start}{head}\r\n".encode("utf-8", "surrogateescape") + body)

    def send(self, raw: bytes, *, then_close: bool = False) -> Reply:
        """Bytes as they are, whatever they are; status 0 when the answer is a closed door."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(raw)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            return _reply(connection)

    def metric(self, line: str) -> int:
        """The value of one counter, 0 when it has never been counted."""
        text = self.ask("GET", "/metrics").body.decode()
        values = [row.rsplit(" ", 1)[1] for row in text.splitlines() if row.startswith(line)]
        return int(float(values[0])) if values else 0

    def is_ready(self) -> bool:
        """Whether a callback could be taken now."""
        try:
            return self.ask("GET", "/readyz").status == 200
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


class Books:
    """What the tests ask of the database behind a receiver."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = open_engine(url)

    def player(self, *names: str, balance: str = "100.00", currency: str = "USD") -> None:
        """Open a wallet for each name."""
        lines = ["player,currency,balance", *(f"{n},{currency},{balance}" for n in names)]
        import_players(self._engine, read_players(io.StringIO("\n".join(lines))))

    def balance(self, player: str, currency: str = "USD") -> int:
        """What a player has, in minor units."""
        found = balance_of(self._engine, player=player, currency=currency)
        assert found is not None
        return found.balance

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        """Change something behind everybody's back."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode())

    def counts(self) -> tuple[int, ...]:
        """Rows of operations, of deliveries, and of what was understood to be malformed."""
        (row,) = self.rows(
            "SELECT (SELECT count(*) FROM operations), (SELECT count(*) FROM deliveries),"
            " (SELECT count(*) FROM deliveries WHERE verdict = 'malformed')"
        )
        return row

    def wrong(self) -> list[str]:
        """Post everything, prove everything; the names of the checks that do not hold."""
        post_all_at(self.url)
        return [found.name for found in verify(self._engine) if found.wrong]

    def close(self) -> None:
        """Drop the connections."""
        self._engine.dispose()


@contextlib.contextmanager
def receivers(
    folder: Path, database: str, broker: str, *, processes: int = 1, settings: str = SETTINGS
) -> Iterator[tuple[Door, list[Tieout]]]:
    """Receivers that share one port, ready; ended with everything they started."""
    door = Door(free_port())
    (folder / "tieout.toml").write_text(settings)
    words = ("receiver", "--port", str(door.port))
    running = [Tieout(folder, database, broker, *words) for _ in range(processes)]
    try:
        assert until(lambda: all(one.said("receiver_started") for one in running)), [
            one.log() for one in running
        ]
        yield door, running
    finally:
        for one in running:
            one.end()
