"""What every accept-path benchmark starts from: engines, players, processes, a load."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import sample
from socket import socket
from time import monotonic, sleep

import psutil  # type: ignore[import-untyped] # no types come with it
import psycopg
from sqlalchemy import text

from benchmarks.loads.closed_loop import PLAYERS, RATE_MAX, SECRETS, player
from ledger.players.importer import PlayerRow, import_players
from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from ops.engines.servers import ensure_running, stop
from ops.settings.model import Settings
from storage.engine import open_engine
from storage.migrate import migrate
from vocabulary.money import Money

#: Longest wait for a process to answer, in seconds.
READY_S = 60.0
#: Longest wait for a backlog to be posted, in seconds.
DRAIN_S = 120.0

_UNPOSTED = "SELECT count(*) FROM batches WHERE posted_at IS NULL AND parked_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSetup:
    """A migrated database with players, and the settings file the processes use."""

    data: Path
    config: Path
    port: int
    database_url: str


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections are given."""
    ports = sample(range(24_000, 32_000), 100)
    for port in ports:
        with socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit(f"no port of {len(ports)} is free")


@contextlib.contextmanager
def embedded_server(data: Path | None) -> Iterator[DataDirectory]:
    """Run an embedded PostgreSQL in a data directory, or in a temporary one."""
    with tempfile.TemporaryDirectory() as folder:
        home = open_data_directory(data or Path(folder) / "data")
        try:
            with locked(home):
                postgres_server.start(home)
            yield home
        finally:
            postgres_server.stop(home)


def new_database(home: DataDirectory, name: str, *, template: str | None = None) -> str:
    """Create a migrated database, or a copy of another; returns its URL."""
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        of = f" TEMPLATE {template}" if template else ""
        connection.execute(f"CREATE DATABASE {name}{of}".encode())
    url = postgres_server.url(home, name)
    if template is None:
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()
    return url


def database_processor(home: DataDirectory) -> float:
    """Processor seconds of all database processes that have ended."""
    pid = postgres_server.running(home)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def measured(command: list[str]) -> dict[str, object]:
    """What a command printed, with the largest memory of its whole tree, in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = [0]
    watching = threading.Thread(target=_watch, args=(process, peak))
    watching.start()
    output, _ = process.communicate()
    watching.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {**json.loads(output), "peak_mib": peak[0] // 2**20}


def _watch(process: "subprocess.Popen[str]", peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], _tree_bytes(process.pid))
        time.sleep(0.1)


def _tree_bytes(pid: int) -> int:
    total = 0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # it ended while it was looked at
    return total


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[BenchSetup]:
    """Start embedded engines in the folder, migrate, import the players; stop at the end."""
    port = free_port()
    config = folder / "tieout.toml"
    config.write_text(
        f'mode = "test"\n[receiver]\nport = {port}\n'
        + "".join(
            f'[[providers]]\nslug = "{name}"\ndialect = "{name}"\ncurrency = "USD"\n'
            f'secrets = ["literal:{secret.decode()}"]\n'
            for name, secret in SECRETS.items()
        )
    )
    data = folder / "data"
    engines = ensure_running(data, Settings())
    try:
        engine = open_engine(engines.migration_url)
        migrate(engine)
        import_players(
            engine,
            (
                PlayerRow(line=n, player=player(n), opening=Money(10**9, "USD"), handles={})
                for n in range(PLAYERS)
            ),
        )
        engine.dispose()
        yield BenchSetup(
            data=data, config=config, port=port, database_url=engines.migration_url
        )
    finally:
        stop(data)


def environment_of(stage: BenchSetup | None) -> dict[str, str]:
    """Our environment with the stage's settings, and none of whoever measures."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")
    }
    if stage is not None:
        environment |= {"TIEOUT_CONFIG": str(stage.config), "TIEOUT_DATA": str(stage.data)}
    return environment


@contextlib.contextmanager
def running(
    *command: str, stage: BenchSetup | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours, stopped at the end; its log lines go nowhere."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment_of(stage), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_answering(port: int) -> None:
    """Return when something answers HTTP on the port, whatever it says."""
    deadline = monotonic() + READY_S
    while monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")


def load(
    port: int,
    dialect: str,
    *,
    connections: int,
    seconds: float,
    turn: int,
    who: str = "everyone",
    rate: int = RATE_MAX,
) -> dict[str, float]:
    """Run the load generator in its own process; its figures."""
    arguments = [str(port), dialect, str(connections), str(seconds), str(turn), who, str(rate)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loads.closed_loop", *arguments],
        check=True,
        capture_output=True,
        timeout=seconds + 90,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def open_loop(
    port: int, dialect: str, *, rate: float, seconds: float, turn: int, connections: int = 64
) -> dict[str, float]:
    """Run ``benchmarks.loads.open_loop`` in its own process; its figures."""
    arguments = [str(port), dialect, str(connections), str(seconds), str(turn), str(rate)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loads.open_loop", *arguments],
        check=True,
        capture_output=True,
        timeout=seconds + 90,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 where there is no ``/proc``."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drained(database_url: str) -> None:
    """Return when nothing accepted is left to be posted."""
    engine = open_engine(database_url)
    deadline = monotonic() + DRAIN_S
    with engine.connect() as connection:
        while connection.execute(text(_UNPOSTED)).scalar_one():
            if monotonic() > deadline:
                raise SystemExit("the backlog was not drained in time")
            sleep(0.1)
    engine.dispose()


def warm_up(port: int, dialect: str, *, turn: int, seconds: float = 0) -> None:
    """Let the receiver see every player once, or as many as it sees in so many seconds."""
    load(port, dialect, connections=64, seconds=seconds, turn=turn)
