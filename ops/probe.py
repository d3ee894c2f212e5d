"""``python -m ops.probe``: the health checks of containers.

They run every few seconds beside the daemons, so they import next to nothing: without the
command line a check takes a tenth of the processor time, and ends in time on a busy machine.

    python -m ops.probe progress FILE    exit 0 if the process that writes FILE makes progress
    python -m ops.probe ready PORT       exit 0 if /readyz of this host answers 200
"""

import socket
import sys
from pathlib import Path

from workers.heartbeat_file import age_s

#: Longest time without progress, in seconds; what a worker does to itself is ``stuck_after``.
PROGRESS_WITHIN_S = 60.0
#: Longest wait for an answer, in seconds.
READY_WITHIN_S = 2.0
#: Where a receiver and the console say whether they are ready.
READY_PATH = "/readyz"
#: Bytes that are read of an answer: enough for its status line.
_STATUS_BYTES = 64
_USAGE = 2


def progress(path: Path) -> str | None:
    """What is wrong with the process that writes a heartbeat file; None: nothing."""
    age = age_s(path)
    if age is None:
        return f"{path}: no sign of progress yet"
    return None if age <= PROGRESS_WITHIN_S else f"{path}: no progress for {age:.0f} s"


def ready(port: int) -> str | None:
    """Why ``/readyz`` on a port of this host does not answer 200; None: it does."""
    request = f"GET {READY_PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode("ascii")
    try:
        with socket.create_connection(("127.0.0.1", port), READY_WITHIN_S) as connection:
            connection.sendall(request)
            words = connection.recv(_STATUS_BYTES).split()
    except OSError as error:
        return f"port {port}: {error}"
    status = words[1].decode("ascii", "replace") if len(words) > 1 else "nothing"
    return None if status == "200" else f"port {port}: {READY_PATH} answers {status}"


def main(words: list[str]) -> int:
    """Run one check; returns its exit code."""
    match words:
        case ["progress", path]:
            problem = progress(Path(path))
        case ["ready", port] if port.isdecimal():
            problem = ready(int(port))
        case _:
            sys.stderr.write("usage: python -m ops.probe progress FILE | ready PORT\n")
            return _USAGE
    if problem is not None:
        sys.stderr.write(f"{problem}\n")
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
