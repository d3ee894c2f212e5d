"""The health checks of containers: what they say, and that they import next to nothing."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.probe import PROGRESS_WITHIN_S, main
from workers.heartbeat_file import touch

#: Each takes longer to import than a whole check.
HEAVY = ("typer", "pydantic", "sqlalchemy", "pandas", "asyncio", "ssl")


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A server that gives one reply; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_process_that_made_progress_is_well(tmp_path: Path) -> None:
    touch(tmp_path / "pulse")

    assert main(["progress", str(tmp_path / "pulse")]) == 0


@pytest.mark.parametrize("text", [None, "", str(-2 * PROGRESS_WITHIN_S)])
def test_a_process_without_progress_is_not(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    pulse = tmp_path / "pulse"
    if text:
        pulse.write_text(repr(time.monotonic() + float(text)))
    elif text is not None:
        pulse.write_text(text)

    assert main(["progress", str(pulse)]) == 1
    assert str(pulse) in capsys.readouterr().err


def test_a_server_that_is_ready_is_well() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        assert main(["ready", str(port)]) == 0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "/readyz answers 503"),
        (b"\xff\xff\xff", "/readyz answers nothing"),
        (b"", "/readyz answers nothing"),
    ],
)
def test_a_server_that_is_not_ready_is_not(
    reply: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(reply) as port:
        assert main(["ready", str(port)]) == 1

    assert said in capsys.readouterr().err


def test_nobody_at_the_port_is_not_ready(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert main(["ready", str(port)]) == 1
    assert f"port {port}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["progress"], ["ready", "http"], ["alive", "x"]])
def test_another_check_is_a_mistake(words: list[str]) -> None:
    assert main(words) == 2


def test_a_check_imports_no_framework() -> None:
    script = "import sys, ops.probe; print(*sys.modules)"
    listed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert set(listed.stdout.split()).isdisjoint(HEAVY), listed.stderr
