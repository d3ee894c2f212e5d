"""PostgreSQL, Redis and RabbitMQ of Debian's packages, each in a folder, on ports of its own.

They end with this process, whatever becomes of it, and ask for passwords and speak TLS as
servers of one's own do.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pika
import psycopg
import redis

from ops.engines.postgres_server import AS_ORDINARY_USER
from ops.runtime import parent_death
from storage.broker.rabbitmq import OUTAGES
from tests.harness.servers.ports import free_port

ROOT = Path(__file__).parents[2]
#: Longest wait for a server to answer or to end, in seconds.
PATIENCE_S = 120.0
PAUSE_S = 0.05
#: Longest wait for an orderly end, in seconds.
STOP_WAIT_S = 30.0
#: A server whose port was taken in between tries others.
ATTEMPTS = 5
HOST, USER, PASSWORD = "127.0.0.1", "keeper", "p@ss/w0rd%?"
#: The same as a part of a URL.
QUOTED = "p%40ss%2Fw0rd%25%3F"
ENVIRONMENT = {"PATH": f"/usr/sbin:{os.defpath}", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

# Asking a server that is not up yet is no news; pika reports each time on a page.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def install() -> None:
    """Have Debian's packages installed; quick when they are."""
    done = subprocess.run([ROOT / ".ci" / "servers"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for our address that is its own authority, and its key."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    made = Certificate(folder / "server.crt", folder / "server.key")
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()
    subject = ["-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST}"]
    files = ["-out", str(made.certificate), "-keyout", str(made.key)]
    subprocess.run(["openssl", *how, *subject, *files], check=True, capture_output=True)
    made.key.chmod(0o600)
    return made


class Server(ABC):
    """One server: ``start`` returns once it answers, on ports that stay the same afterwards."""

    ports: Mapping[str, int] = {}

    def __init__(self, folder: Path, tls: Certificate) -> None:
        folder.mkdir()
        self.folder = folder
        self.tls = tls
        self.log = folder / "server.log"
        self._running: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does what it is for."""

    @abstractmethod
    def commands(self) -> Iterable[list[str]]:
        """The programs to run one after another, the server last."""

    @abstractmethod
    def choose_ports(self) -> None:
        """Take free ports."""

    def start(self) -> None:
        """Start it for the first time."""
        for _ in range(ATTEMPTS):
            self.choose_ports()
            if self.run_again():
                return
        raise AssertionError(self.log.read_text())

    def run_again(self) -> bool:
        """Run it on the ports it has; False when it ended instead of answering."""
        for command in self.commands():
            self._running.append(self._spawn(command))
        ended = self._running[-1].poll
        assert until(lambda: ended() is not None or self.answers()), self.log.read_text()
        if ended() is not None:
            self.end(signal.SIGKILL)
            return False
        return True

    def restart(self) -> None:
        """Kill it without warning and run it again."""
        self.end(signal.SIGKILL)
        for _ in range(ATTEMPTS):  # the kernel may still be letting go of the port
            if self.run_again():
                return
        raise AssertionError(self.log.read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop everything it runs and wait for that."""
        for process in reversed(self._running):
            process.send_signal(number)
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE_S)
        self._running.clear()

    def environment(self) -> Mapping[str, str]:
        return ENVIRONMENT

    def _spawn(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log
            )


def until(what: Callable[[], bool]) -> bool:
    """Wait for something; False when it does not come."""
    pause = threading.Event()
    return any(what() or pause.wait(PAUSE_S) for _ in range(int(PATIENCE_S / PAUSE_S)))


def listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex((HOST, port)) == 0


def ended_with_this_process(command: Sequence[str]) -> list[str]:
    """The command, wrapped so that it ends with this process."""
    return [sys.executable, "-S", parent_death.__file__, str(os.getpid()), *command]


class Postgres(Server):
    """A cluster that asks for passwords on TCP and offers TLS."""

    port = 0

    def choose_ports(self) -> None:
        self.port = free_port()
        data = self.folder / "data"
        if data.exists():
            return
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        how = ["-A", "scram-sha-256", "--no-locale", "-E", "UTF8", f"--pwfile={secret}"]
        init = [*as_ordinary_user(), program("initdb"), "-D", str(data), "-U", USER, *how]
        subprocess.run(init, check=True, capture_output=True, env=ENVIRONMENT)

    def commands(self) -> list[list[str]]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "ssl": "on",
            "ssl_cert_file": self.tls.certificate,
            "ssl_key_file": self.tls.key,
        }
        options = [
            part for name, value in settings.items() for part in ("-c", f"{name}={value}")
        ]
        run = ended_with_this_process(
            [program("postgres"), "-D", str(self.folder / "data"), *options]
        )
        return [[*as_ordinary_user(), *run]]

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop it: orderly by default, at once where another signal is named."""
        super().end(signal.SIGINT if number == signal.SIGTERM else number)

    def url(self, database: str, user: str = USER, password: str = QUOTED) -> str:
        where = f"{HOST}:{self.port}/{database}"
        verified = f"sslmode=verify-full&sslrootcert={self.tls.certificate}"
        return f"postgresql://{user}:{password}@{where}?{verified}"

    def answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


class Redis(Server):
    """A server with a password on both of its ports, one of them TLS."""

    port = tls_port = 0

    def choose_ports(self) -> None:
        self.port, self.tls_port = free_port(), free_port()

    def commands(self) -> list[list[str]]:
        settings = {
            "bind": HOST,
            "port": self.port,
            "tls-port": self.tls_port,
            "tls-cert-file": self.tls.certificate,
            "tls-key-file": self.tls.key,
            "tls-auth-clients": "no",
            "requirepass": PASSWORD,
            "dir": self.folder,
            "save": "",
        }
        options = [
            part for name, value in settings.items() for part in (f"--{name}", str(value))
        ]
        return [ended_with_this_process(["/usr/bin/redis-server", *options])]

    def url(self, *, user: str = "", password: str = QUOTED, port: int | None = None) -> str:
        return f"redis://{user}:{password}@{HOST}:{port or self.port}/0"

    def tls_url(self) -> str:
        where = f"{HOST}:{self.tls_port}/0"
        return f"rediss://:{QUOTED}@{where}?ssl_ca_certs={self.tls.certificate}"

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url())
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def execute(self, *words: str) -> object:
        client = redis.Redis.from_url(self.url())
        try:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]
        finally:
            client.close()


class RabbitMQ(Server):
    """A node with a name server of its own, a virtual host ``books`` and a TLS port."""

    port = tls_port = dist_port = epmd_port = 0

    def choose_ports(self) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self.dist_port, self.epmd_port = free_port(), free_port()
        self._configure()

    def commands(self) -> Iterator[list[str]]:
        yield ended_with_this_process(
            ["/usr/bin/epmd", "-port", str(self.epmd_port), "-address", HOST]
        )
        # Where the node finds no name server it starts one, which would outlive it.
        assert until(lambda: listens(self.epmd_port)), self.log.read_text()
        yield ended_with_this_process(["/usr/lib/rabbitmq/bin/rabbitmq-server"])

    def environment(self) -> Mapping[str, str]:
        place = self.folder
        names = {
            "NODENAME": "tieout@localhost",
            "NODE_IP_ADDRESS": HOST,
            "NODE_PORT": self.port,
            "DIST_PORT": self.dist_port,
            "MNESIA_BASE": place / "mnesia",
            "LOG_BASE": place / "logs",
            "LOGS": "-",
            "ENABLED_PLUGINS_FILE": place / "plugins",
            "PID_FILE": place / "pid",
            "CONF_ENV_FILE": place / "env.conf",
            "CONFIG_FILE": place / "rabbitmq.conf",
            "GENERATED_CONFIG_DIR": place / "generated",
            "FEATURE_FLAGS_FILE": place / "features",
        }
        rabbit = {f"RABBITMQ_{name}": str(value) for name, value in names.items()}
        erlang = {"ERL_EPMD_PORT": str(self.epmd_port), "ERL_EPMD_ADDRESS": HOST}
        # As for systemd: the script becomes the server instead of watching over it.
        daemon = {"NOTIFY_SOCKET": str(place / "nobody-listens")}
        return {**ENVIRONMENT, "HOME": str(place), **daemon, **erlang, **rabbit}

    def _configure(self) -> None:
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "env.conf").touch()
        lines = {
            "listeners.tcp.default": f"{HOST}:{self.port}",
            "listeners.ssl.default": f"{HOST}:{self.tls_port}",
            "ssl_options.certfile": self.tls.certificate,
            "ssl_options.keyfile": self.tls.key,
            "ssl_options.cacertfile": self.tls.certificate,
            "default_vhost": "books",
            "default_user": USER,
            "default_pass": PASSWORD,
            "disk_free_limit.absolute": "1MB",
        }
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.folder / "rabbitmq.conf").write_text(text)

    def url(self, *, user: str = USER, password: str = QUOTED, vhost: str = "books") -> str:
        return f"amqp://{user}:{password}@{HOST}:{self.port}/{vhost}"

    def tls_url(self) -> str:
        where = f"{HOST}:{self.tls_port}/books?cacertfile={self.tls.certificate}"
        return f"amqps://{USER}:{QUOTED}@{where}"

    def answers(self) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(self.url())).close()
        except OUTAGES:
            return False
        return listens(self.tls_port)

    def control(self, *words: str) -> str:
        """Run ``rabbitmqctl`` against this node."""
        done = subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def as_ordinary_user() -> list[str]:
    """PostgreSQL does not run as root; in a name space of ours it does not see that it is."""
    return ["unshare", *AS_ORDINARY_USER] if os.geteuid() == 0 else []


def program(name: str) -> str:
    """A program of the newest PostgreSQL that Debian has here."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[4]),
    )
    return str(versions[-1])
