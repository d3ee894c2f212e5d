"""Kill anything at any time: what was acknowledged is booked once, nothing else moves."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ops.runtime.pid_file import read_pids
from ops.runtime.servers import ensure
from ops.settings.model import Settings
from tests.harness.chaos.proof import prove_books
from tests.harness.servers.running import Running

#: Callbacks per fault; a release is tried with FAULT_CALLBACKS=20000.
CALLBACKS = int(os.environ.get("FAULT_CALLBACKS", "900"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path)
    yield started
    started.stop()


@pytest.mark.parametrize("victim", ["receiver", "worker", "valkey", "postgres"])
def test_a_process_killed_under_load_loses_and_doubles_nothing(
    running: Running, victim: str
) -> None:
    simulating = running.simulate(count=CALLBACKS, seed=11)
    running.until(f"SELECT greatest(0, {CALLBACKS // 4} - count(*)) FROM operations")

    killed = running.kill(victim)
    out, _ = simulating.communicate(timeout=180)

    assert simulating.returncode == 0, out
    assert json.loads(out)["mismatched"] == 0
    prove_books(running)
    assert running.query("SELECT count(*) FROM parked") == [(0,)]
    assert read_pids(running.data)[victim] != [killed]


def test_a_flushed_broker_loses_no_posting(running: Running) -> None:
    broker = redis.Redis.from_url(ensure(running.data, Settings()).broker_url)
    simulating = running.simulate(count=CALLBACKS, seed=12)
    running.until(f"SELECT greatest(0, {CALLBACKS // 4} - count(*)) FROM operations")

    broker.flushall()
    broker.close()
    out, _ = simulating.communicate(timeout=180)

    assert simulating.returncode == 0, out
    prove_books(running)
