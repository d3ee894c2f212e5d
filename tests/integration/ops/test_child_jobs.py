"""Jobs of a scheduler: beside each other, by processes of their own, tried again and parked."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, MutableMapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from ops.runtime.child_jobs import ChildJobs, tieout_command
from ops.runtime.process import is_alive
from ops.scheduling.reconcile_jobs import reconcile_jobs
from ops.settings.loader import load
from storage.engine import open_engine
from tests.harness.books.two_sides import TwoBooks
from tests.harness.servers.command_line import run_tieout
from tests.harness.servers.receiver import LedgerDatabase, wait_until
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import Unavailable
from workers.scheduler import ATTEMPTS_MAX, Job, JobFailed, Scheduler

LONG = timedelta(minutes=10)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
#: A parent that runs a child job, which writes its pid and sleeps.
PARENT = """
import sys
from datetime import timedelta
from ops.runtime.child_jobs import ChildJobs
child = "import os, time; print(os.getpid(), file=open(%r, 'w'), flush=True); time.sleep(600)"
ChildJobs().run([sys.executable, "-c", child % sys.argv[1]], patience=timedelta(minutes=10))
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


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def test_a_job_that_takes_long_keeps_no_other_waiting(engine: Engine) -> None:
    release, ran = threading.Event(), threading.Event()
    swept: list[str] = []

    def slow(_slot: str) -> None:
        assert release.wait(timeout=240)

    day = timedelta(days=1)
    jobs = [
        Job(name="slow", every=day, run=slow, exclusive=True),
        Job(name="other", every=day, run=lambda _slot: ran.set(), exclusive=True),
        Job(name="sweep", every=timedelta(seconds=1), run=swept.append, exclusive=False),
    ]
    running = Scheduler(engine, SystemClock(), jobs, on_stop=release.set)
    with capture_logs():
        thread = threading.Thread(target=running.run)
        thread.start()
        both = ran.wait(timeout=120) and wait_until(lambda: len(swept) > 1)
        running.stop()
        thread.join(timeout=120)

    assert both
    assert not thread.is_alive()
    with engine.connect() as connection:
        done = "SELECT job FROM job_runs WHERE done_at IS NOT NULL ORDER BY job"
        assert connection.exec_driver_sql(done).scalars().all() == ["other", "slow"]


def test_a_job_whose_slots_cannot_be_looked_for_goes_on_when_they_can(
    engine: Engine, database: str
) -> None:
    """No outage: the server answers, and says no. A thread that died of it would go unseen."""
    books, ran = LedgerDatabase(database), threading.Event()
    books.run("ALTER TABLE job_runs RENAME TO away")
    job = Job(
        name="daily", every=timedelta(seconds=1), run=lambda _slot: ran.set(), exclusive=True
    )
    running = Scheduler(engine, SystemClock(), [job], lease=timedelta(seconds=8))
    with capture_logs() as logs:
        thread = threading.Thread(target=running.run)
        thread.start()
        broken = wait_until(
            lambda: [e["slot"] for e in logs if e["event"] == "job_broken"].count("") > 0
        )
        books.run("ALTER TABLE away RENAME TO job_runs")
        resumed = ran.wait(timeout=120)
        running.stop()
        thread.join(timeout=120)

    assert (broken, resumed, thread.is_alive()) == (True, True, False)
    books.close()


def test_a_child_job_reports_its_end_and_is_killed_if_it_takes_too_long() -> None:
    child_jobs = ChildJobs()
    script = "import sys; print('done'); print('why', file=sys.stderr); sys.exit(3)"

    result = child_jobs.run([sys.executable, "-c", script], patience=LONG)
    assert (result.code, result.output, result.reason()) == (3, "done\n", "why")
    with pytest.raises(JobFailed, match=r"given up after 0:00:00\.01"):
        child_jobs.run(SLEEPS, patience=timedelta(milliseconds=10))


def test_a_stopping_scheduler_ends_its_child_jobs_and_starts_no_more() -> None:
    child_jobs, ended = ChildJobs(), []

    def run() -> None:
        try:
            child_jobs.run(SLEEPS, patience=LONG)
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
        child_jobs.run(SLEEPS, patience=LONG)


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
    sound, broken = tmp_path / "sound.toml", tmp_path / "tieout.toml"
    sound.write_text(SETTINGS.format(database=database))
    books, ledger = TwoBooks(), LedgerDatabase(database)
    books.both("r-1", 500, 0, at=NOON)
    books.write(database)
    clock = FrozenClock(NOON + timedelta(days=1))
    command = tieout_command(tmp_path / "data", broken)
    jobs = reconcile_jobs(load(sound, {}), engine, clock, command, ChildJobs())
    scheduler = Scheduler(engine, clock, jobs)

    def turn() -> None:
        with capture_logs() as logs:
            scheduler.tick()
        reported.extend(each for each in logs if each["event"] in {"job_failed", "reconciled"})
        ledger.run(LAPSE)
        clock.instant += timedelta(seconds=10)

    reported: list[MutableMapping[str, Any]] = []
    nowhere = f"postgresql://tieout@/tieout?host={tmp_path}"
    broken.write_text(SETTINGS.format(database=nowhere))
    turn()
    broken.write_text(SETTINGS.format(database=database))
    turn()
    assert [each["event"] for each in reported] == ["job_failed", "reconciled"]
    assert "a service is unavailable" in str(reported[0]["why"])
    assert ledger.rows("SELECT attempts, done_at IS NOT NULL FROM job_runs") == [(2, True)]
    assert ledger.rows("SELECT business_day FROM day_closes") == [(date(2026, 3, 1),)]

    ledger.run("DELETE FROM day_closes")
    broken.write_text(SETTINGS.format(database=nowhere))
    clock.instant += timedelta(minutes=1)
    turn()
    ledger.run(f"UPDATE job_runs SET attempts = {ATTEMPTS_MAX - 1} WHERE done_at IS NULL")
    turn()
    sound.rename(broken)
    (only,) = json.loads(run_tieout(tmp_path, "queue", "parked", "--json").stdout)
    assert (only["job"], only["cause"]) == ("reconcile", "Contradiction")
    assert only["subject"].startswith("slot ")
    assert "a service is unavailable" in only["detail"]
    ledger.close()
