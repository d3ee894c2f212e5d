"""Run ``tieout`` commands in processes that are forked instead of started.

A command needs a second of processor time to import its modules, and tests run hundreds. Here
a server imports them once. Each command still has a process of its own, with its arguments,
environment, folder, output and exit code. Tests about starting, stopping and killing processes
start them by ``python -m ops``.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[3]
_SERVER = "tests.harness.servers.command_server"
_starting = threading.Lock()


@cache
def _requests() -> socket.socket:
    """The socket of this process's server, which is started for the first request."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", _SERVER, str(theirs.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_stop, server, ours)
    return ours


def _stop(server: "subprocess.Popen[bytes]", requests: socket.socket) -> None:
    """Close the server's socket, which ends it; it also ends if this process is killed."""
    requests.close()
    server.wait()


def run_command(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command as ``subprocess.run`` would run ``python -m ops``, with its output.

    Raises:
        TimeoutExpired: it took longer than ``timeout`` seconds, and was killed.
    """
    with (
        Path(os.devnull).open("rb") as nothing,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        with _started(words, cwd, env, (nothing, output, errors)) as report:
            code = _end_of(report, words, timeout)
        return subprocess.CompletedProcess(words, code, _text(output), _text(errors))


@contextlib.contextmanager
def _started(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[IO[bytes]]
) -> Iterator[IO[bytes]]:
    """Have the server fork the command; yields where its id and its exit code are reported."""
    request = {"words": list(words), "cwd": str(cwd), "env": dict(env)}
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as report:
        files = [*(stream.fileno() for stream in streams), writing]
        with _starting:
            server = _requests()
        socket.send_fds(server, [json.dumps(request).encode()], files)
        os.close(writing)
        yield report


def _end_of(report: IO[bytes], words: Sequence[str], timeout: float) -> int:
    """Wait for the exit code of a command."""
    pid = int(report.readline())
    if not select.select([report], [], [], timeout)[0]:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(list(words), timeout)
    return int(report.readline())


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")
