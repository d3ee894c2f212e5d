"""``tieout console`` as a process: ready, logged, stopped in order, refused without roles."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.harness.books.console import SETTINGS
from tests.harness.servers.ports import free_port
from tests.harness.servers.systemd import Systemd

TIEOUT = [sys.executable, "-m", "ops"]
#: Longest wait for the process, in seconds.
PATIENCE_S = 60.0


def status_of(port: int, path: str) -> int:
    """The status of a page; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_the_process_serves_until_it_is_told_to_stop(database: str, tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    port = free_port()
    command = [*TIEOUT, "console", "--port", str(port)]
    systemd = Systemd(str(tmp_path / "notify"))
    environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=tmp_path, stderr=log, env=environ) as process,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while status_of(port, "/readyz") != 200 and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        states = systemd.states()
        statuses = [status_of(port, path) for path in ("/livez", "/login", "/", "/nothing")]
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    systemd.close()
    assert states == ["READY=1"]
    assert statuses == [200, 200, 303, 404]
    assert code == 0
    assert [event["event"] for event in events] == [
        *("console_started", "console_refused", "console_stopped")
    ]
    assert events[1]["status"] == 404


@pytest.mark.parametrize("role", ["tieout_reader", "tieout_console"])
def test_a_database_in_which_a_role_may_not_read_is_refused(
    postgres: PostgresServer, database: str, tmp_path: Path, role: str
) -> None:
    name = database.split("/")[3].partition("?")[0]
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    postgres.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    other = "tieout_console" if role == "tieout_reader" else "tieout_reader"
    key = "READ" if role == "tieout_reader" else "WRITE"
    url = database.replace("tieout@", f"{role}@")
    postgres.execute(f"GRANT CONNECT ON DATABASE {name} TO {other}")

    done = subprocess.run(
        [*TIEOUT, "console", "--port", str(free_port())],
        cwd=tmp_path,
        env={f"TIEOUT_CONSOLE__{key}_URL": url, "TIEOUT_CONFIG": "tieout.toml"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 3
    assert f"the console cannot read the database as {role}" in done.stderr
    assert "tieout migrate" in done.stderr
