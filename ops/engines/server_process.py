"""Server processes that outlive us: started detached, recognised by their working directory.

A pid file may be stale and its pid reused by another program, so it is not trusted. A server of
ours runs the right program in its own directory; both are read from ``/proc``.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vocabulary.errors import Unavailable

PROC = Path("/proc")
#: The whole environment of a server: nothing of ours reaches it.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def spawn_detached(argv: Sequence[str], *, log: Path, env: Mapping[str, str]) -> int:
    """Start a program in its own session, output appended to ``log``; returns its pid."""
    log.parent.mkdir(mode=0o700, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        list(argv),
        dict(env),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended is not alive, even while nobody reaped it."""
    _reap(pid)
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def running_in(directory: Path, *, program: str) -> list[int]:
    """Pids of every live process of that program whose working directory is ``directory``.

    Raises:
        Unavailable: this system has no ``/proc``.
    """
    if not PROC.joinpath("self").exists():
        raise Unavailable(
            f"embedded servers need Linux with /proc, this is {sys.platform}: "
            "set database.url and broker.url to servers of your own"
        )
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _runs_in(pid, directory, program)]


def wait_gone(pid: int, *, timeout_s: float) -> bool:
    """Wait until the process ended; False when it still runs after the time-out."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)
    _reap(pid)
    return ended


def await_answer(
    server: str, pid: int, answers: Callable[[], bool], *, log: Path, limit_s: float
) -> None:
    """Wait until a server that was started answers.

    Raises:
        Unavailable: it ended, or did not answer in time; the message begins with its name.
    """
    deadline = time.monotonic() + limit_s
    while not answers():
        if not is_alive(pid):
            raise Unavailable(f"{server} ended while starting: {last_words(log)}")
        if time.monotonic() > deadline:
            raise Unavailable(f"{server} has not answered for {limit_s:.0f} s")
        time.sleep(0.02)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is already gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def end(pid: int, *numbers: signal.Signals, timeout_s: float) -> bool:
    """Send signals in turn until the process is gone, and wait after each.

    Args:
        pid: of the process.
        numbers: the mildest first.
        timeout_s: longest wait after each.

    Returns:
        Whether it is gone.
    """
    for number in numbers:
        send(pid, number)
        if wait_gone(pid, timeout_s=timeout_s):
            return True
    return False


def last_words(log: Path) -> str:
    """The end of a server's log on one line, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-4:]
    except OSError:
        lines = []
    return f"{' | '.join(lines) or 'the log is empty'} (see {log})"


def _runs_in(pid: int, directory: Path, program: str) -> bool:
    try:
        place = (PROC / str(pid) / "cwd").readlink()
        binary = (PROC / str(pid) / "exe").readlink()
    except OSError:  # ended meanwhile, or belongs to another user
        return False
    # A reinstalled wheel leaves its running server with a deleted executable.
    name = binary.name.removesuffix(" (deleted)")
    return name == program and place == directory and is_alive(pid)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
