"""The data directory: where the embedded servers keep their files, sockets and logs.

Unix socket paths end at 107 bytes. When the directory lies too deep for that, the sockets move
to a private directory below the system's temporary one; the choice is recorded, so that every
process finds the same sockets whatever its ``TMPDIR``.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from vocabulary.errors import Unavailable

#: Longest path of a Unix socket, in bytes (sun_path holds 108 with its NUL).
SOCKET_PATH_BYTES_MAX = 107
#: Longest socket name put into the socket directory, in bytes.
SOCKET_NAME_BYTES = len("/.s.PGSQL.5432")
#: Longest wait for another process that is starting or stopping servers here, in seconds.
LOCK_WAIT_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """One data directory, prepared.

    Attributes:
        root: absolute, symbolic links resolved.
        sockets: where the servers listen; mode 0700, ours.
    """

    root: Path
    sockets: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's cluster."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's working directory."""
        return self.root / "valkey"

    @property
    def logs(self) -> Path:
        """One log per embedded server."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Process ids and, where they fit, sockets."""
        return self.root / "run"


def open_data_directory(path: Path) -> DataDirectory:
    """Create what is missing; permissions of existing files are not changed.

    Raises:
        Unavailable: the directory cannot be used; the message says why.
    """
    root = path.resolve()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _private(root / "run")
        return DataDirectory(root=root, sockets=_private(_socket_directory(root)))
    except OSError as error:
        raise Unavailable(f"the data directory {root} cannot be used: {error}") from error


@contextlib.contextmanager
def locked(home: DataDirectory) -> Iterator[None]:
    """Lock the directory: one process at a time starts or stops its servers.

    The kernel releases the lock when its holder ends, even if that is killed.

    Raises:
        Unavailable: another process held it for ``LOCK_WAIT_S``.
    """
    handle = os.open(home.root / "servers.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(handle, home)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, home: DataDirectory) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"another process has been starting servers in {home.root} "
                    f"for {LOCK_WAIT_S:.0f} s"
                ) from None
        time.sleep(0.02)


def _socket_directory(root: Path) -> Path:
    near = root / "run"
    if _fits(near):
        return near
    record = near / "socket-directory"
    if record.exists():
        return Path(record.read_text())
    short = (
        Path(tempfile.gettempdir())
        / f"tieout-{blake2b(bytes(root), digest_size=8).hexdigest()}"
    )
    if not _fits(short):
        raise Unavailable(
            f"no room for a socket path below {short}: set TMPDIR to a short path"
        )
    record.write_text(str(short))
    return short


def _fits(directory: Path) -> bool:
    return len(bytes(directory)) + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES_MAX


def _private(directory: Path) -> Path:
    """Create the directory if it is missing, and check that only we can use it."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    status = directory.lstat()
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != os.geteuid()
        or status.st_mode & 0o077
    ):
        raise Unavailable(
            f"{directory} must be a directory of user {os.geteuid()} with mode 0700, found "
            f"owner {status.st_uid} and mode {stat.filemode(status.st_mode)}"
        )
    return directory
