"""What systemd is told: ready once, then signs of life within the limit of its watchdog."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.runtime.service_manager import ServiceManager, show_life_of
from tests.harness.servers.systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    opened = Systemd(str(tmp_path / "notify"))
    yield opened
    opened.close()


def test_the_first_sign_says_ready_and_later_ones_come_four_times_within_the_limit(
    systemd: Systemd, tmp_path: Path
) -> None:
    now = [100.0]
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "8000000"}
    manager = ServiceManager(environ, lambda: now[0])

    for _ in range(9):
        manager.alive()
        now[0] += 1.0

    assert manager.is_ready
    assert systemd.states() == [
        "READY=1",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "WATCHDOG=1",
    ]


def test_without_a_watchdog_only_ready_is_said(systemd: Systemd, tmp_path: Path) -> None:
    now = [0.0]
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda: now[0])

    for _ in range(3):
        manager.alive()
        now[0] += 1000.0

    assert systemd.states() == ["READY=1"]


def test_an_abstract_socket_is_spoken_to(tmp_path: Path) -> None:
    name = f"tieout-{tmp_path.name}-{id(tmp_path)}"
    abstract = Systemd(f"\0{name}")

    ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).alive()

    assert abstract.states() == ["READY=1"]
    abstract.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_without_a_manager_that_listens_nothing_happens(environ: dict[str, str]) -> None:
    manager = ServiceManager(environ)

    manager.alive()

    assert manager.is_ready


def test_an_event_loop_shows_life_once_its_server_is_ready(
    systemd: Systemd, tmp_path: Path
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000"}
    manager = ServiceManager(environ)

    async def server() -> None:
        await asyncio.sleep(0.05)
        assert systemd.states() == []
        manager.alive()
        await asyncio.sleep(0.05)

    asyncio.run(show_life_of(server(), manager))

    states = systemd.states()
    assert states[0] == "READY=1"
    assert set(states[1:]) == {"WATCHDOG=1"}
