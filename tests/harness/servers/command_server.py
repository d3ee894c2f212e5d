"""The process that forks ``tieout`` commands; see ``forked_commands``.

It imports every command once, which takes seconds, and starts no thread of its own. Each
command runs in a process that has its own arguments, environment, folder and output.
"""

import contextlib
import gc
import json
import os
import runpy
import select
import socket
import sys
from typing import Any

from ops.cli import COMMANDS, load_command

#: Largest request: arguments and environment as JSON.
REQUEST_BYTES_MAX = 1 << 17
#: Files of a request: standard input, output and error, and where the command is reported.
FILES = 4


def import_commands() -> None:
    """Import every command, and those of groups."""
    # Installed for development only, and waits at the end for a thread that no fork has.
    sys.modules["polars"] = None  # type: ignore[assignment]
    for name in COMMANDS:
        command = load_command(name)
        list(getattr(command, "commands", {}).values())


class CommandServer:
    """Forks a process for each request of its socket and reports its id and its end.

    Args:
        requests: a socket of packets, each with a request and its files.
    """

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        #: The reports of running commands, by the handle of their process.
        self._reports: dict[int, tuple[int, int]] = {}

    def serve(self) -> dict[str, Any] | None:
        """Serve until the socket is closed; returns a request in the process that runs it."""
        while True:
            waiting = [self._requests.fileno(), *self._reports]
            ready = select.select(waiting, [], [])[0]
            for handle in set(ready) & set(self._reports):
                self._report_end(handle)
            if self._requests.fileno() not in ready:
                continue
            packet, files, _, _ = socket.recv_fds(self._requests, REQUEST_BYTES_MAX, FILES)
            if not packet:
                return None
            pid = os.fork()
            if pid == 0:
                self._leave(files)
                request: dict[str, Any] = json.loads(packet)
                return request
            self._follow(pid, files)

    def _follow(self, pid: int, files: list[int]) -> None:
        *streams, report = files
        for stream in streams:
            os.close(stream)
        os.write(report, f"{pid}\n".encode())
        self._reports[os.pidfd_open(pid)] = (pid, report)

    def _report_end(self, handle: int) -> None:
        pid, report = self._reports.pop(handle)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(handle)
        with contextlib.suppress(BrokenPipeError):  # nobody waits any more
            os.write(report, f"{code}\n".encode())
        os.close(report)

    def _leave(self, files: list[int]) -> None:
        """Keep nothing of the server in a command's process but its standard streams."""
        for number, stream in enumerate(files[:-1]):
            os.dup2(stream, number)
        reports = [report for _, report in self._reports.values()]
        for handle in (*files, *self._reports, *reports):
            os.close(handle)
        self._requests.close()


def run(request: dict[str, Any]) -> None:
    """Run ``python -m ops`` in this process."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["ops", *request["words"]]
    runpy.run_module("ops", run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve the socket whose number is the first argument."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    import_commands()
    gc.collect()
    gc.freeze()  # a collection in a command's process would copy what it shares with this one
    request = CommandServer(requests).serve()
    if request is not None:
        run(request)


if __name__ == "__main__":
    main()
