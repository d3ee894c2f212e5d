"""Console, scheduler or database killed amid a job: it is done once, or not at all."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ops.engines.server_process import is_alive
from ops.jobs.child import _prepared
from ops.jobs.tasks.feeds import import_previewed
from ops.runtime.child_jobs import ChildJobs
from providers.sportsbook.feed import COLUMNS
from storage.jobs.model import JobState, NewJobFile
from storage.jobs.running import fail_job, take_job
from tests.harness.requested_jobs import RequestedJobs
from tests.harness.servers.receiver import wait_until

STATEMENT = ",".join(COLUMNS) + "\nt-1,bet,alice,EUR,5.00,,2026-03-01T10:01:00Z\n"
#: A scheduler's runner in a process of its own; argument: the folder of the settings.
RUNNER = """
import sys
from pathlib import Path
from ops.runtime.child_jobs import ChildJobs
from tests.harness.requested_jobs import RequestedJobs
jobs = RequestedJobs(sys.argv[1], Path(sys.argv[2]))
jobs.runner("killed", ChildJobs()).run_next(heavy=True)
"""
#: As if the database were killed and came back.
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND backend_type = 'client backend'
"""
AGE = "UPDATE jobs SET heartbeat_at = now() - interval '1 minute' WHERE state = 'running'"


def test_a_killed_scheduler_takes_its_child_along_and_its_job_runs_once(
    jobs: RequestedJobs, database: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    number = jobs.request("words.linger", mark=str(mark))
    command = [sys.executable, "-c", RUNNER, database, str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as runner:
        assert wait_until(lambda: mark.exists() and mark.read_text() != "")
        child = int(mark.read_text())
        runner.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not is_alive(child))
    after = jobs.runner("after", ChildJobs())
    assert not after.run_next(heavy=True)
    assert jobs.job(number).state is JobState.RUNNING
    with jobs.owner.begin() as connection:
        connection.execute(text(AGE))

    assert not after.run_next(heavy=True)
    assert jobs.job(number).state is JobState.INTERRUPTED
    assert jobs.request("words.linger", mark=str(mark)) != number


def test_a_database_that_went_away_amid_a_job_has_it_done_once(
    jobs: RequestedJobs, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    number = jobs.request("words.linger", mark=str(mark))
    running = threading.Thread(
        target=lambda: jobs.runner("one", ChildJobs()).run_next(heavy=True)
    )
    running.start()
    assert wait_until(mark.exists)
    with jobs.owner.connect() as connection:
        connection.execute(text(CUT))
    mark.unlink()
    running.join()

    assert jobs.job(number).state is JobState.DONE, jobs.job(number).error
    assert jobs.rows("SELECT count(*) FROM audit WHERE action = 'job.done'") == [(1,)]


def test_a_console_that_dies_amid_a_request_requested_nothing(jobs: RequestedJobs) -> None:
    sent = NewJobFile(name="a.csv", media_type="text/csv", content=b"1;2")

    def cut() -> None:
        with jobs.owner.connect() as connection:
            connection.execute(text(CUT))

    with pytest.raises(OperationalError, match=r"terminat|closed"):
        jobs.request("words.say", key="form", files=(sent,), before_commit=cut)
    nothing = jobs.rows("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM job_files)")
    again = jobs.request("words.say", key="form", files=(sent,))

    assert nothing == [(0, 0)]
    assert jobs.request("words.say", key="form", files=(sent,)) == again
    assert jobs.rows("SELECT count(*) FROM job_files") == [(1,)]


def test_an_import_that_was_interrupted_after_its_work_changes_nothing_when_repeated(
    jobs: RequestedJobs,
) -> None:
    sent = NewJobFile(name="a.csv", media_type="text/csv", content=STATEMENT.encode())
    preview = jobs.request("feed.preview", files=(sent,), provider="lottery")
    assert jobs.finish(preview).state is JobState.DONE
    sha256 = str(jobs.rows("SELECT sha256 FROM job_files")[0][0])
    confirmed = jobs.request("feed.import", provider="lottery", preview=preview, sha256=sha256)
    with jobs.owner.begin() as connection:
        job = take_job(connection, "one", heavy=False)
    assert job is not None
    import_previewed(_prepared(jobs.task(job), jobs.kinds["feed.import"], jobs.owner))
    with jobs.owner.begin() as connection:
        fail_job(connection, job, "one", "killed", interrupted=True)
    records = jobs.rows("SELECT record_id, stored_no FROM feed_records")
    again = jobs.request("feed.import", provider="lottery", preview=preview, sha256=sha256)
    repeated = jobs.finish(again)

    assert again != confirmed
    assert len(records) == 1
    assert jobs.rows("SELECT record_id, stored_no FROM feed_records") == records
    assert repeated.state is JobState.DONE, repeated.error
    assert repeated.result is not None
    assert repeated.result.summary == "a.csv: 0 records are new or changed."
    assert jobs.rows("SELECT count(*) FROM feed_files") == [(1,)]
