"""Jobs of a scheduler: beside each other, by processes of their own, tried again and parked."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, MutableMapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from ops.engines.server_process import is_alive
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.reconcile_jobs import reconcile_jobs
from ops.settings.loader import load
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.servers.command_line import run_tieout
from tests.harness.servers.receiver import LedgerDatabase, wait_until
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import ApiUnavailable, Unavailable
from workers.scheduler import ATTEMPTS_MAX, Job, JobFailed, Scheduler

LONG = timedelta(minutes=10)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: A parent that calls a child job, which writes its pid and sleeps.
PARENT = """
import sys
from datetime import timedelta
from pathlib import Path
from ops.runtime.child_jobs import ChildJobs
from tests.integration.ops.test_child_jobs import write_pid_and_sleep
ChildJobs().call(write_pid_and_sleep, Path(sys.argv[1]), timeout=timedelta(minutes=10))
"""
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[reconcile]
every = "1m"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
"""
#: What is claimed now is anybody's.
LAPSE = "UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'"


def write_pid_and_sleep(path: Path) -> None:
    path.write_text(f"{os.getpid()}\n")
    time.sleep(600)


def log_and_fail(name: str) -> None:
    structlog.get_logger().info("child_called", name=name)
    raise ApiUnavailable("no reply", provider="p", endpoint=name, attempts=2)


def divide(dividend: int, divisor: int) -> float:
    return dividend / divisor


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def test_a_job_that_takes_long_keeps_no_other_waiting(engine: Engine) -> None:
    release, has_run = threading.Event(), threading.Event()
    sweeps: list[str] = []

    def slow(_slot: str) -> None:
        assert release.wait(timeout=240)

    day = timedelta(days=1)
    jobs = [
        Job(name="slow", every=day, run=slow, exclusive=True),
        Job(name="other", every=day, run=lambda _slot: has_run.set(), exclusive=True),
        Job(name="sweep", every=timedelta(seconds=1), run=sweeps.append, exclusive=False),
    ]
    running = Scheduler(engine, SystemClock(), jobs, on_stop=release.set)
    with capture_logs():
        thread = threading.Thread(target=running.run)
        thread.start()
        both_ran = has_run.wait(timeout=120) and wait_until(lambda: len(sweeps) > 1)
        running.stop()
        thread.join(timeout=120)

    assert both_ran
    assert not thread.is_alive()
    with engine.connect() as connection:
        done = "SELECT job FROM job_runs WHERE done_at IS NOT NULL ORDER BY job"
        assert connection.execute(text(done)).scalars().all() == ["other", "slow"]


def test_a_job_whose_slots_cannot_be_looked_for_goes_on_when_they_can(
    engine: Engine, database: str
) -> None:
    """No outage: the server answers, and says no. A thread that died of it would go unseen."""
    books, has_run = LedgerDatabase(database), threading.Event()
    books.run("ALTER TABLE job_runs RENAME TO away")
    job = Job(
        name="daily",
        every=timedelta(seconds=1),
        run=lambda _slot: has_run.set(),
        exclusive=True,
    )
    running = Scheduler(engine, SystemClock(), [job], lease=timedelta(seconds=8))
    with capture_logs() as logs:
        thread = threading.Thread(target=running.run)
        thread.start()
        broken = wait_until(
            lambda: [log["slot"] for log in logs if log["event"] == "job_broken"].count("") > 0
        )
        books.run("ALTER TABLE away RENAME TO job_runs")
        resumed = has_run.wait(timeout=120)
        running.stop()
        thread.join(timeout=120)

    assert (broken, resumed, thread.is_alive()) == (True, True, False)
    books.close()


def test_a_child_job_returns_its_value_or_raises_its_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    child_jobs = ChildJobs()

    assert child_jobs.call(divide, 3, 2, timeout=LONG) == 1.5
    with pytest.raises(ApiUnavailable, match="no reply") as raised:
        child_jobs.call(log_and_fail, "feed", timeout=LONG)
    assert (raised.value.endpoint, raised.value.attempts) == ("feed", 2)
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line).items() >= {"event": "child_called", "name": "feed"}.items()
    with pytest.raises(
        JobFailed, match=r"divide: ZeroDivisionError at test_child_jobs\.py:\d+"
    ):
        child_jobs.call(divide, 3, 0, timeout=LONG)
    with pytest.raises(JobFailed, match="_exit: its process died"):
        child_jobs.call(os._exit, 3, timeout=LONG)
    assert child_jobs.running() == 0


def test_a_child_job_that_takes_too_long_is_ended() -> None:
    child_jobs = ChildJobs()

    with pytest.raises(JobFailed, match=r"sleep: given up after 0:00:00\.01"):
        child_jobs.call(time.sleep, 600, timeout=timedelta(milliseconds=10))
    assert child_jobs.running() == 0
    assert multiprocessing.active_children() == []


def test_a_stopping_scheduler_ends_its_child_jobs_and_starts_no_more() -> None:
    child_jobs, ended = ChildJobs(), []

    def run() -> None:
        try:
            child_jobs.call(time.sleep, 600, timeout=LONG)
        except Unavailable as error:
            ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_until(lambda: bool(child_jobs.running()))
    child_jobs.stop()
    thread.join(timeout=120)

    assert len(ended) == 1
    assert "the scheduler is stopping" in ended[0]
    with pytest.raises(Unavailable, match="stopping"):
        child_jobs.call(time.sleep, 600, timeout=LONG)


def test_a_child_job_ends_with_its_scheduler(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, str(pid_file)]) as parent:
        assert wait_until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        child = int(pid_file.read_text())
        os.kill(parent.pid, signal.SIGKILL)

    assert wait_until(lambda: not is_alive(child))


def test_a_run_that_fails_is_tried_again_and_at_last_parked_with_its_reason(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    config = tmp_path / "tieout.toml"
    config.write_text(SETTINGS.format(database=database))
    books, ledger = TwoBooks(), LedgerDatabase(database)
    books.both("r-1", 500, 0, at=NOON)
    books.write(database)
    clock = FrozenClock(NOON + timedelta(days=1))
    events: list[MutableMapping[str, Any]] = []

    def turn(database_url: str) -> None:
        jobs = reconcile_jobs(
            load(config, {}),
            engine,
            clock,
            ChildJobs(),
            database_url=database_url,
            data_dir=tmp_path / "data",
        )
        with capture_logs() as logs:
            Scheduler(engine, clock, jobs).tick()
        events.extend(log for log in logs if log["event"] in {"job_failed", "reconciled"})
        ledger.run(LAPSE)
        clock.instant += timedelta(seconds=10)

    nowhere = f"postgresql://tieout@/tieout?host={tmp_path}"
    turn(nowhere)
    turn(database)
    assert [log["event"] for log in events] == ["job_failed", "reconciled"]
    assert "a service is unavailable" in str(events[0]["why"])
    assert ledger.rows("SELECT attempts, done_at IS NOT NULL FROM job_runs") == [(2, True)]
    assert ledger.rows("SELECT business_day, run_id FROM day_closes") == [
        (date(2026, 3, 1), events[1]["run"])
    ]

    ledger.rewrite("DELETE FROM day_closes")
    clock.instant += timedelta(minutes=1)
    turn(nowhere)
    ledger.run(f"UPDATE job_runs SET attempts = {ATTEMPTS_MAX - 1} WHERE done_at IS NULL")
    turn(nowhere)
    (parked,) = json.loads(run_tieout(tmp_path, "queue", "parked", "--json").stdout)
    assert (parked["job"], parked["cause"]) == ("reconcile", "Contradiction")
    assert parked["subject"].startswith("slot ")
    assert "a service is unavailable" in parked["detail"]
    ledger.close()
