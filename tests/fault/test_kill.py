"""Kill any process at any time: every acknowledged operation is booked once, no other moves."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ops.engines.pid_file import read_pids
from ops.engines.servers import ensure_running
from ops.settings.model import Settings
from tests.harness.chaos.proof import prove_books
from tests.harness.servers.tieout_stack import TieoutStack

#: Callbacks per fault; a release is tested with FAULT_CALLBACKS=20000.
CALLBACKS = int(os.environ.get("FAULT_CALLBACKS", "900"))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[TieoutStack]:
    opened = TieoutStack(tmp_path)
    yield opened
    opened.stop()


@pytest.mark.parametrize("victim", ["receiver", "worker", "valkey", "postgres"])
def test_a_process_killed_under_load_loses_and_doubles_nothing(
    stack: TieoutStack, victim: str
) -> None:
    simulation = stack.simulate(count=CALLBACKS, seed=11)
    stack.wait_until_zero(f"SELECT greatest(0, {CALLBACKS // 4} - count(*)) FROM operations")

    killed_pid = stack.kill(victim)
    out, _ = simulation.communicate(timeout=180)

    assert simulation.returncode == 0, out
    assert json.loads(out)["mismatched"] == 0
    prove_books(stack)
    assert stack.query("SELECT count(*) FROM parked") == [(0,)]
    assert read_pids(stack.data)[victim] != [killed_pid]


def test_a_flushed_broker_loses_no_posting(stack: TieoutStack) -> None:
    broker = redis.Redis.from_url(ensure_running(stack.data, Settings()).broker_url)
    simulation = stack.simulate(count=CALLBACKS, seed=12)
    stack.wait_until_zero(f"SELECT greatest(0, {CALLBACKS // 4} - count(*)) FROM operations")

    broker.flushall()
    broker.close()
    out, _ = simulation.communicate(timeout=180)

    assert simulation.returncode == 0, out
    prove_books(stack)
