"""The processes of a data directory: listed in ``run/pids.json``, proven by a lock."""

import contextlib
import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog

from ops.engines import server_process
from ops.engines.data_directory import DataDirectory
from vocabulary.errors import Unavailable

SUPERVISOR = "supervisor"

log = structlog.get_logger()


class PidBoard:
    """The supervisor's list of process ids by name, rewritten whenever one changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pids: dict[str, list[int]] = {SUPERVISOR: [os.getpid()]}

    def post(self, name: str, pids: list[int]) -> None:
        """Record the processes of that name that run now; readers never see a partial file.

        On a full disk the old list stays: keeping things running matters more than the list.
        """
        with self._lock:
            self._pids[name] = pids
            draft = self._path.with_suffix(".draft")
            try:
                draft.write_text(json.dumps(self._pids))
                draft.replace(self._path)
            except OSError as error:
                log.warning("pids_not_written", error=type(error).__name__)


def board_path(data_dir: Path) -> Path:
    """The path of the process ids of a data directory."""
    return data_dir.resolve() / "run" / "pids.json"


def read_pids(data_dir: Path) -> dict[str, list[int]]:
    """Process ids by name: receiver, worker, scheduler, postgres, valkey, supervisor."""
    try:
        pids: dict[str, list[int]] = json.loads(board_path(data_dir).read_text())
    except FileNotFoundError:
        return {}
    return pids


@contextlib.contextmanager
def supervising(home: DataDirectory) -> Iterator[PidBoard]:
    """Hold the supervisor's lock of a data directory; the kernel releases it with the process.

    Raises:
        Unavailable: another supervisor runs.
    """
    handle = _open_lock(home.root)
    try:
        if not _take(handle):
            raise Unavailable(f"another `tieout up` runs in {home.root}")
        # Of a supervisor that was killed: its numbers may be other processes' by now.
        board_path(home.root).unlink(missing_ok=True)
        board = PidBoard(board_path(home.root))
        board.post(SUPERVISOR, [os.getpid()])
        try:
            yield board
        finally:
            board_path(home.root).unlink(missing_ok=True)
    finally:
        os.close(handle)


def supervisor_of(data_dir: Path) -> int | None:
    """The pid of the supervisor that runs in a data directory, or None.

    Raises:
        Unavailable: one runs, and its number could not be written.
    """
    root = data_dir.resolve()
    if not _lock_path(root).exists():
        return None
    handle = _open_lock(root)
    try:
        if _take(handle):  # free: a killed supervisor may have left its list behind
            return None
    finally:
        os.close(handle)
    pids = read_pids(data_dir).get(SUPERVISOR)
    if not pids:
        raise Unavailable(
            f"a `tieout up` runs in {root}, whose process is not written there (is the disk"
            " full?): end it with Ctrl-C in its terminal, or with SIGTERM"
        )
    return pids[0]


def end_supervisor(data_dir: Path, *, timeout_s: float) -> None:
    """End the supervisor of a data directory, which stops all that it runs; none is no error.

    Raises:
        Unavailable: it still runs after that time, or nobody knows its number.
    """
    pid = supervisor_of(data_dir)
    if pid is None:
        return
    if not server_process.end(pid, signal.SIGTERM, timeout_s=timeout_s):
        raise Unavailable(
            f"`tieout up` (process {pid}) was told to stop and has not ended within"
            f" {timeout_s:.0f} s: its processes and servers were left to it; run `tieout down`"
            " again to wait on"
        )


def _open_lock(root: Path) -> int:
    return os.open(_lock_path(root), os.O_RDWR | os.O_CREAT, 0o600)


def _lock_path(root: Path) -> Path:
    return root / "run" / "supervisor.lock"


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
