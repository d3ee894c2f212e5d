"""``tieout up`` is ready when its own receivers answer, whatever else listens on their port."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ops.commands.daemons.up import _is_ready
from ops.runtime.supervisor import Supervisor
from ops.settings.model import ReceiverSettings


class OwnReceivers(Supervisor):
    """A supervisor of the given receivers; None: one of them is not running."""

    def __init__(self, running: list[int] | None) -> None:
        super().__init__([])
        self._running = running

    def pids(self, name: str) -> list[int] | None:
        assert name == "receiver"
        return self._running


class Answering(BaseHTTPRequestHandler):
    """Answers 200 in the name of this process."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Tieout-Process", str(os.getpid()))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("running", "is_ready"),
    [
        ([os.getpid()], True),
        ([os.getpid(), 1], True),
        ([1], False),
        (None, False),
    ],
    ids=["one of ours", "one of two", "another program's port", "a receiver that dies"],
)
def test_up_is_ready_only_by_its_own_receivers(
    port: int, running: list[int] | None, *, is_ready: bool
) -> None:
    settings = ReceiverSettings(host="127.0.0.1", port=port)
    assert _is_ready(settings, OwnReceivers(running)) is is_ready


def test_up_is_not_ready_while_nothing_listens(port: int) -> None:
    settings = ReceiverSettings(host="127.0.0.2", port=port)
    assert not _is_ready(settings, OwnReceivers([os.getpid()]))
