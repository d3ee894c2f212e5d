"""A worker that is alive and makes no progress is killed and started again."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.engines import server_process
from ops.runtime.supervisor import Program, RestartPolicy
from tests.harness.servers.receiver import wait_until
from tests.harness.servers.worker_stack import WorkerStack
from tests.integration.ops.test_supervisor import Running

#: Shows progress once, then hangs the first time, and for ever after shows progress.
HANGS_ONCE = """
import os, signal, sys, time
from pathlib import Path
from workers.heartbeat_file import touch
if not os.path.exists(sys.argv[2]):
    Path(sys.argv[2]).write_text(str(os.getpid()))
    touch(Path(sys.argv[1]))
    signal.pause()
while True:
    touch(Path(sys.argv[1]))
    time.sleep(0.1)
"""
PATIENT = RestartPolicy(first_s=0.01, longest_s=0.05, deaths_max=1_000)


@pytest.fixture
def started() -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    for each in running:
        each.supervisor.request_stop()
        each.thread.join(timeout=90)


def watched(
    argv: list[str], env: dict[str, str], heartbeat: Path, patience_s: float
) -> Program:
    return Program(
        name="worker",
        argv=argv,
        env=env,
        grace_s=60,
        heartbeat=heartbeat,
        heartbeat_s=patience_s,
    )


def test_a_child_that_hangs_is_killed_and_started_again(
    started: list[Running], tmp_path: Path
) -> None:
    heartbeat, mark = tmp_path / "pulse", tmp_path / "hung"
    argv = [sys.executable, "-c", HANGS_ONCE, str(heartbeat), str(mark)]
    running = Running([watched(argv, dict(os.environ), heartbeat, 1.0)])
    started.append(running)
    first = running.next_pids("worker")[0]

    assert running.next_pids("worker") == []
    second = running.next_pids("worker")[0]

    assert int(mark.read_text()) == first
    assert second != first
    assert not server_process.is_alive(first)


def test_a_real_worker_that_is_frozen_is_replaced_by_one_that_works(
    started: list[Running], database: str, broker_url: str, tmp_path: Path
) -> None:
    place = WorkerStack(database, broker_url, tmp_path)
    place.books.player("42")
    heartbeat = tmp_path / "worker.pulse"
    env = {
        **os.environ,
        "TIEOUT_DATABASE__URL": database,
        "TIEOUT_BROKER__URL": broker_url,
        "TIEOUT_DATA": str(tmp_path / "data"),
        "TIEOUT_CONFIG": str(tmp_path / "tieout.toml"),
    }
    words = ["-m", "ops", "worker", "--processes", "1", "--pulse", str(heartbeat)]
    running = Running([watched([sys.executable, *words], env, heartbeat, 5.0)])
    started.append(running)

    workers = "SELECT pid FROM worker_heartbeats WHERE role = 'worker' ORDER BY started_at"
    assert wait_until(lambda: heartbeat.exists() and bool(place.books.rows(workers)))
    frozen = int(place.books.rows(workers)[-1][0])
    server_process.send(frozen, signal.SIGSTOP)
    batch = place.bet("42", "OP-1")
    assert wait_until(lambda: not server_process.is_alive(frozen))
    place.notify_workers()

    assert wait_until(lambda: place.is_posted(batch))
    assert len(place.books.rows(workers)) >= 2
    place.close()


def test_a_probe_tells_progress_from_mere_existence(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    place = WorkerStack(database, broker_url, tmp_path)
    heartbeat = tmp_path / "worker.pulse"
    never = place.queue("alive", str(heartbeat))
    heartbeat.write_text("0.0")
    stale = place.queue("alive", str(heartbeat), "--within", "1ms")
    place.close()

    assert never.returncode == stale.returncode == 1
    assert "no sign of progress yet" in never.stderr
    assert "no progress for" in stale.stderr


def test_what_cannot_be_understood_is_refused_by_name(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    place = WorkerStack(database, broker_url, tmp_path)
    wrong = [
        place.queue("pause", "nothing", "--dry-run"),
        place.queue("requeue", "--older-than", "soon", "--dry-run"),
    ]
    metrics = place.queue("status", "--prometheus")
    place.close()

    assert [one.returncode for one in wrong] == [2, 2]
    assert "one of post, ingest, fetch is expected" in wrong[0].stderr
    assert "--older-than" in wrong[1].stderr
    assert metrics.returncode == 1  # nobody has been seen
    assert 'tieout_up{service="broker"} 1.0' in metrics.stdout
    assert 'tieout_queue_messages{queue="post",state="waiting"} 0.0' in metrics.stdout
