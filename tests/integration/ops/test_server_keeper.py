"""The keeper of the engines: notices a death, recovers, and says so when it is hopeless."""

import os
import queue
import signal
import threading
from pathlib import Path

import pytest

from ops.engines import server_process, servers
from ops.engines.server_keeper import EngineKeeper
from ops.runtime.supervisor import RestartPolicy
from ops.settings.model import BrokerSettings, Settings
from vocabulary.errors import Unavailable

ONLY_POSTGRES = Settings(broker=BrokerSettings(url="redis://127.0.0.1:1/0"))
WAIT_S = 30.0


class Kept:
    """A keeper at work, and what it said."""

    def __init__(self, data_dir: Path) -> None:
        self.announced: queue.Queue[int] = queue.Queue()
        self.hopeless = threading.Event()
        self.keeper = EngineKeeper(
            data_dir,
            ONLY_POSTGRES,
            on_change=self._note,
            on_hopeless=self.hopeless.set,
            policy=RestartPolicy(first_s=0.01, longest_s=0.02, deaths_max=3),
        )
        self.keeper.start()

    def _note(self, name: str, pids: list[int]) -> None:
        for pid in pids:
            assert name == "postgres"
            self.announced.put(pid)


def kill_postgres(data_dir: Path) -> int:
    pid = servers.status(data_dir).postgres
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_server_is_recovered_and_announced(data_dir: Path) -> None:
    servers.ensure_running(data_dir, ONLY_POSTGRES)
    keeper = Kept(data_dir)
    first = keeper.announced.get(timeout=WAIT_S)

    killed = kill_postgres(data_dir)
    second = keeper.announced.get(timeout=WAIT_S)
    keeper.keeper.stop()

    assert first == killed
    assert second != killed
    assert server_process.is_alive(second)
    assert not keeper.hopeless.is_set()


def test_a_server_that_cannot_restart_is_given_up_with_its_last_log_lines(
    data_dir: Path,
) -> None:
    servers.ensure_running(data_dir, ONLY_POSTGRES)
    keeper = Kept(data_dir)
    keeper.announced.get(timeout=WAIT_S)
    (data_dir / "postgres" / "global" / "pg_control").rename(data_dir / "pg_control")

    kill_postgres(data_dir)

    assert keeper.hopeless.wait(WAIT_S)
    keeper.keeper.stop()
    with pytest.raises(Unavailable, match="could not find the database system"):
        servers.ensure_running(data_dir, ONLY_POSTGRES)


def test_servers_that_cannot_be_watched_any_more_are_hopeless(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)  # others may enter: no place for sockets of ours

    keeper = Kept(tmp_path)

    assert keeper.hopeless.wait(WAIT_S)
    keeper.keeper.stop()
