"""``tieout up`` as a user runs it: ready, heals itself, stops without a trace."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.engines import server_process, servers
from ops.engines.pid_file import read_pids, supervisor_of
from ops.engines.servers import ServerPids
from tests.harness.servers.forked_commands import run_command
from tests.harness.servers.ports import free_port

WAIT_S = 60.0
TIEOUT = [sys.executable, "-m", "ops"]
SETTINGS = """
mode = "test"
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:a secret of the tests"]
"""


class Up:
    """A running ``tieout up`` in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        (folder / "tieout.toml").write_text(SETTINGS)
        command = [*TIEOUT, "--data", str(self.data), "up", "--port", str(self.port)]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["--data", str(self.data), *words]
        return run_command(command, cwd=self.folder, env=os.environ, timeout=WAIT_S)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    yield running
    running.end()
    servers.stop(running.data)


def replaced(up: Up, name: str, killed: int) -> list[int]:
    """Wait for the processes of that name to be others than the killed one."""
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        pids = read_pids(up.data).get(name, [])
        if pids and killed not in pids:
            return pids
        pause.wait(0.02)
    raise AssertionError(f"{name} was not started again")


def ready_again(up: Up) -> bool:
    pause = threading.Event()
    return any(up.is_ready() or pause.wait(0.05) for _ in range(int(WAIT_S / 0.05)))


def test_up_is_ready_restarts_every_killed_part_and_stops_cleanly(up: Up) -> None:
    assert up.output() == "ready"
    assert up.is_ready()
    pids = read_pids(up.data)
    names = ["console", "receiver", "scheduler", "worker", "valkey", "postgres"]
    assert sorted(pids) == sorted([*names, "supervisor"])
    assert supervisor_of(up.data) == up.process.pid

    for name in names:
        os.kill(pids[name][0], signal.SIGKILL)
        assert replaced(up, name, pids[name][0]), name
    healed = ready_again(up)
    last = read_pids(up.data)
    code = up.end()

    assert healed
    assert code == 0
    assert "worker_hangs" not in (up.folder / "log").read_text()
    assert [pid for name in names for pid in last[name] if server_process.is_alive(pid)] == []
    assert servers.status(up.data) == ServerPids(postgres=None, valkey=None)
    assert read_pids(up.data) == {}


def test_a_second_up_is_refused_and_down_stops_the_first(up: Up) -> None:
    assert up.output() == "ready"

    same_port = up.command("up", "--port", str(up.port))
    same_data = up.command("up", "--port", str(free_port()))
    down = up.command("down")

    assert same_port.returncode == 3
    assert f"receiver.port {up.port}" in same_port.stderr
    assert same_data.returncode == 3
    assert "another `tieout up` runs" in same_data.stderr
    assert down.returncode == 0, down.stderr
    assert up.end() == 0
    assert supervisor_of(up.data) is None
    assert servers.status(up.data) == ServerPids(postgres=None, valkey=None)
