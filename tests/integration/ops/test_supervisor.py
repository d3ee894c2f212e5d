"""The supervisor against real programs: restarts, gives up, stops in order, no orphans."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.engines import server_process
from ops.runtime.supervisor import Program, RestartPolicy, Restarts, Supervisor

QUICK = RestartPolicy(first_s=0.01, longest_s=0.05, calm_s=10, deaths_max=4, window_s=60)
WAIT_S = 20.0

SLEEPER = "import signal; signal.pause()"
ENDS_AT_ONCE = "raise SystemExit(7)"
#: Says that it runs, then writes its name into a file when told to stop.
WRITER = """
import signal, sys
def end(*_):
    open(sys.argv[2], "a").write(sys.argv[1] + " ")
    raise SystemExit
signal.signal(signal.SIGTERM, end)
open(sys.argv[3], "w").write("up")
signal.pause()
"""
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("up")
while True:
    signal.pause()
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""
SUPERVISING = """
import os, sys
from ops.runtime import logs
from ops.runtime.supervisor import Program, Supervisor
logs.configure()
argv = [sys.executable, "-c", sys.argv[1]]
program = Program(name="sleeper", argv=argv, env=dict(os.environ), grace_s=5)
Supervisor([program], on_change=lambda name, pids: print(*pids, flush=True)).run()
"""


def program(name: str, code: str, *arguments: str, grace_s: float = 10.0) -> Program:
    argv = [sys.executable, "-c", code, *arguments]
    return Program(name=name, argv=argv, env=dict(os.environ), grace_s=grace_s)


class Running:
    """A supervisor at work in a thread, and what it announced."""

    def __init__(self, programs: list[Program]) -> None:
        self.announced: queue.Queue[tuple[str, list[int]]] = queue.Queue()
        self.supervisor = Supervisor(
            programs,
            policy=QUICK,
            on_change=lambda name, pids: self.announced.put((name, pids)),
        )
        self.codes: queue.Queue[int] = queue.Queue()
        self.thread = threading.Thread(target=lambda: self.codes.put(self.supervisor.run()))
        self.thread.start()

    def next_pids(self, name: str) -> list[int]:
        while True:
            announced, pids = self.announced.get(timeout=WAIT_S)
            if announced == name:
                return pids

    def stop(self) -> int:
        self.supervisor.request_stop()
        return self.ended()

    def ended(self) -> int:
        self.thread.join(timeout=WAIT_S)
        return self.codes.get(timeout=WAIT_S)


@pytest.fixture
def started() -> Iterator[list[Running]]:
    """Supervisors to stop, should a test leave them running."""
    running: list[Running] = []
    yield running
    for each in running:
        each.supervisor.request_stop()
        each.thread.join(timeout=WAIT_S)


def written(path: Path) -> str:
    """The content of a file that a child is about to write."""
    deadline = threading.Event()
    for _ in range(2_000):
        if path.exists() and (text := path.read_text()):
            return text
        deadline.wait(0.01)
    raise AssertionError(f"{path.name} was never written")


def test_a_killed_child_is_started_again(started: list[Running]) -> None:
    running = Running([program("sleeper", SLEEPER)])
    started.append(running)
    first = running.next_pids("sleeper")[0]

    os.kill(first, signal.SIGKILL)
    gone, second = running.next_pids("sleeper"), running.next_pids("sleeper")

    assert gone == []
    assert len(second) == 1
    assert second[0] != first
    assert running.stop() == 0
    assert not server_process.is_alive(second[0])


def test_a_child_that_never_stays_up_ends_everything_with_a_failure(
    started: list[Running],
) -> None:
    running = Running([program("sleeper", SLEEPER), program("broken", ENDS_AT_ONCE)])
    started.append(running)
    sleeper = running.next_pids("sleeper")[0]
    starts = [running.next_pids("broken") for _ in range(2 * QUICK.deaths_max)]

    code = running.ended()

    assert code == 3
    assert [len(pids) for pids in starts] == [1, 0] * QUICK.deaths_max
    assert not server_process.is_alive(sleeper)


def test_children_stop_in_order_and_those_of_one_name_together(
    started: list[Running], tmp_path: Path
) -> None:
    order = tmp_path / "order"
    names = ["receiver", "receiver", "scheduler", "worker"]
    ups = [tmp_path / f"up{index}" for index in range(len(names))]
    running = Running(
        [
            program(name, WRITER, name, str(order), str(up))
            for name, up in zip(names, ups, strict=True)
        ]
    )
    started.append(running)
    assert [written(up) for up in ups] == ["up"] * 4

    code = running.stop()

    assert code == 0
    assert order.read_text().split() == names


def test_a_child_that_ignores_the_request_is_killed_after_its_grace(
    started: list[Running], tmp_path: Path
) -> None:
    running = Running([program("stubborn", STUBBORN, str(tmp_path / "up"), grace_s=0.2)])
    started.append(running)
    pid = running.next_pids("stubborn")[0]
    assert written(tmp_path / "up") == "up"

    code = running.stop()

    assert code == 0
    assert not server_process.is_alive(pid)


def test_processes_that_a_killed_child_forked_are_killed_too(
    started: list[Running], tmp_path: Path
) -> None:
    running = Running([program("parent", PARENT, str(tmp_path / "pid"))])
    started.append(running)
    parent = running.next_pids("parent")[0]
    forked = int(written(tmp_path / "pid"))

    os.kill(parent, signal.SIGKILL)

    assert running.next_pids("parent") == []
    assert server_process.wait_gone(forked, timeout_s=WAIT_S)


def test_a_killed_supervisor_leaves_no_child_behind() -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISING, SLEEPER], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    try:
        child = int(supervisor.stdout.readline())
        alive = server_process.is_alive(child)
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()

    assert alive
    assert server_process.wait_gone(child, timeout_s=WAIT_S)


def test_pauses_double_up_to_the_longest_and_start_over_after_a_calm_life() -> None:
    restarts = Restarts(RestartPolicy(first_s=0.2, longest_s=5.0, calm_s=10, deaths_max=99))

    quick = [restarts.pause_after(died_at=float(n), lived_s=0.1) for n in range(7)]
    after_calm = restarts.pause_after(died_at=100.0, lived_s=10.0)
    again = restarts.pause_after(died_at=101.0, lived_s=0.1)

    assert quick == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert (after_calm, again) == (0.2, 0.2)


def test_it_gives_up_only_after_too_many_deaths_within_the_window() -> None:
    policy = RestartPolicy(deaths_max=3, window_s=60)
    sparse, dense = Restarts(policy), Restarts(policy)

    slowly = [sparse.pause_after(died_at=at, lived_s=1) for at in (0.0, 31.0, 62.0, 93.0)]
    quickly = [dense.pause_after(died_at=at, lived_s=1) for at in (0.0, 30.0, 60.0)]

    assert None not in slowly
    assert quickly[:2] == [0.2, 0.4]
    assert quickly[2] is None
