"""Requested jobs: once, in the person's name, in a process of their own, or interrupted."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from typer.testing import CliRunner

from ops import cli
from ops.runtime.child_jobs import ChildJobs
from storage.jobs.model import JobState, NewJobFile
from storage.jobs.queries import content_of, files_of, jobs_before
from storage.jobs.requests import JobNotCancelled, cancel_job, drop_files
from storage.jobs.running import fail_job, report_progress, take_job
from tests.harness.people import token_of
from tests.harness.requested_jobs import RequestedJobs
from tests.harness.servers.receiver import wait_until
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import PersonRefused


def test_a_job_is_done_in_the_persons_name_with_progress_result_and_files(
    jobs: RequestedJobs,
) -> None:
    sent = NewJobFile(name="a.csv", media_type="text/csv", content=b"1;2")
    number = jobs.request("words.say", files=(sent,), text="hi ")
    assert jobs.runner("one", ChildJobs()).run_next(heavy=False)
    job = jobs.job(number)
    with jobs.owner.connect() as connection:
        uploaded, made = files_of(connection, number)
        assert content_of(connection, made) == b"hi 1;2"

    assert (job.state, job.error, job.percent, job.requested_by) == (
        *(JobState.DONE, None, 100, "maria"),
    )
    assert job.result is not None
    assert job.result.summary == "Said hi ."
    assert job.progress[-1] == "line 299"
    assert len(job.progress) == 200
    assert (uploaded.name, uploaded.direction) == ("a.csv", "in")
    assert (made.name, made.direction, made.size) == ("said.txt", "out", 6)
    assert jobs.rows(
        "SELECT actor, action, p.name FROM audit LEFT JOIN people p USING (person_id)"
        " WHERE subject IN ('words', 'job 1') ORDER BY audit_id"
    ) == [
        ("maria", "job.requested", "maria"),
        ("maria", "words.said", "maria"),
        ("tieout", "job.done", None),
    ]


def test_what_the_rules_refuse_and_what_has_a_bug_is_failed_with_a_sentence(
    jobs: RequestedJobs,
) -> None:
    refused = jobs.run("words.refuse")
    broken = jobs.run("words.break")

    assert (refused.state, refused.error) == (JobState.FAILED, "the rules do not allow it")
    assert broken.state is JobState.FAILED
    assert str(broken.error).startswith("run_job: ZeroDivisionError at ")
    assert "secret" not in str(broken.error)


def test_a_text_that_spells_an_escape_is_kept_as_it_is_and_a_real_nul_is_refused(
    jobs: RequestedJobs,
) -> None:
    spelled = jobs.run("words.say", text=r"a\u0000b")
    with pytest.raises(Malformed, match="text without NUL"):
        jobs.request("words.say", text="a\0b")

    assert spelled.state is JobState.DONE
    assert spelled.result is not None
    assert spelled.result.summary == r"Said a\u0000b."


def test_a_job_keeps_progress_and_an_error_that_quote_what_no_database_holds(
    jobs: RequestedJobs,
) -> None:
    number = jobs.request("words.say")
    with jobs.owner.begin() as connection:
        job = take_job(connection, "one", heavy=False)
        assert job is not None
        report_progress(connection, number, "one", lines=["column a\0b"], percent=None)
        assert fail_job(connection, job, "one", "no column c\ud800d", interrupted=False)
    failed = jobs.job(number)

    assert (failed.state, failed.error) == (JobState.FAILED, "no column c\ufffdd")
    assert failed.progress == ("column a\ufffdb",)


def test_the_same_request_twice_is_one_job(jobs: RequestedJobs) -> None:
    with ThreadPoolExecutor(8) as threads:
        clicks = list(threads.map(lambda _: jobs.request("words.say"), range(8)))
    other = jobs.request("words.say", text="other")
    another_person = jobs.request("words.say", by="bob")
    jobs.cancel(clicks[0])
    jobs.cancel(other)
    form = jobs.request("words.say", key="form")
    jobs.cancel(form)

    assert len(set(clicks)) == 1
    assert len({clicks[0], other, another_person, form}) == 4
    assert jobs.request("words.say", key="form") == form
    assert jobs.request("words.say", key="form", text="other") not in {form, other}


def test_a_person_without_the_right_or_under_another_name_requests_nothing(
    jobs: RequestedJobs,
) -> None:
    with jobs.owner.begin() as connection:
        connection.execute(text("UPDATE people SET roles = '{viewer}' WHERE name = 'bob'"))
        connection.execute(text("UPDATE people SET disabled_at = now() WHERE name = 'eve'"))
    with pytest.raises(PersonRefused, match="bob \\(viewer\\) may not work on breaks"):
        jobs.request("words.say", by="bob")
    with pytest.raises(IntegrityError, match="eve is disabled"):
        jobs.request("words.say", by="eve")
    statement = text(
        "INSERT INTO jobs (kind, title, arguments, heavy, digest, requested_by)"
        " VALUES ('words.say', 't', '{}', false, repeat('a', 64), 'bob')"
    )
    with (
        pytest.raises(IntegrityError, match="'bob' is not who requests this job"),
        jobs.as_person("maria").begin() as connection,
    ):
        connection.execute(statement)
    with pytest.raises(Malformed, match="shout: Extra inputs are not permitted"):
        jobs.request("words.say", shout="loud")
    with pytest.raises(Malformed, match="at most 0 are expected"):
        jobs.request("words.refuse", files=(NewJobFile(name="a", media_type="", content=b""),))

    assert jobs.rows("SELECT count(*) FROM jobs") == [(0,)]


def test_who_lost_the_right_since_the_request_gets_nothing_done(jobs: RequestedJobs) -> None:
    number = jobs.request("words.say", by="bob")
    with jobs.owner.begin() as connection:
        connection.execute(text("UPDATE people SET roles = '{viewer}' WHERE name = 'bob'"))
    assert jobs.runner("one", ChildJobs()).run_next(heavy=False)

    assert jobs.job(number).state is JobState.FAILED
    assert "may not work on breaks" in str(jobs.job(number).error)
    assert jobs.rows("SELECT count(*) FROM audit WHERE action = 'words.said'") == [(0,)]


def test_only_what_waits_is_cancelled_and_the_console_can_begin_or_end_nothing(
    jobs: RequestedJobs,
) -> None:
    waiting, done = jobs.request("words.say"), jobs.request("words.say", text="first")
    engine, now = jobs.as_person("maria"), SystemClock().now()
    with engine.begin() as connection:
        cancel_job(connection, waiting, by="maria", now=now)
    assert jobs.runner("one", ChildJobs()).run_next(heavy=False)
    with pytest.raises(JobNotCancelled, match=f"job {done} is done"), engine.begin() as again:
        cancel_job(again, done, by="maria", now=now)
    for statement, refusal, why in (
        ("UPDATE jobs SET runner = 'me'", ProgrammingError, "permission denied"),
        (
            "UPDATE jobs SET state = 'done' WHERE state = 'cancelled'",
            IntegrityError,
            "is cancelled: it cannot be done now",
        ),
        (
            "UPDATE jobs SET state = 'queued', finished_at = NULL",
            IntegrityError,
            "it cannot be queued now",
        ),
    ):
        with pytest.raises(refusal, match=why), engine.begin() as connection:
            connection.execute(text(statement))

    assert jobs.job(waiting).state is JobState.CANCELLED
    assert jobs.job(waiting).cancelled_by == "maria"
    assert jobs.job(done).state is JobState.DONE


def test_one_heavy_job_runs_at_a_time_and_a_stopped_scheduler_interrupts_it(
    jobs: RequestedJobs, tmp_path: Path
) -> None:
    marks = [tmp_path / name for name in ("first", "second")]
    numbers = [jobs.request("words.linger", mark=str(mark)) for mark in marks]
    children = ChildJobs()
    running = threading.Thread(target=lambda: jobs.runner("one", children).run_next(heavy=True))
    running.start()
    wait_until(marks[0].exists)
    beside = jobs.runner("two", ChildJobs())
    assert not beside.run_next(heavy=True)
    light = jobs.request("words.say")
    assert beside.run_next(heavy=False)
    children.stop()
    running.join()

    states = [jobs.job(number).state for number in (*numbers, light)]
    assert states == [JobState.INTERRUPTED, JobState.QUEUED, JobState.DONE]
    assert "request it again" in str(jobs.job(numbers[0]).error)


def test_a_job_of_a_dead_scheduler_is_interrupted_and_its_late_child_stores_nothing(
    jobs: RequestedJobs, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    number = jobs.request("words.linger", mark=str(mark))
    running = threading.Thread(
        target=lambda: jobs.runner("one", ChildJobs()).run_next(heavy=True)
    )
    running.start()
    wait_until(mark.exists)
    with jobs.owner.begin() as connection:
        connection.execute(text("UPDATE jobs SET heartbeat_at = now() - interval '1 hour'"))
    assert not jobs.runner("two", ChildJobs()).run_next(heavy=True)
    assert jobs.job(number).state is JobState.INTERRUPTED
    mark.unlink()
    running.join()

    assert jobs.job(number).state is JobState.INTERRUPTED
    assert jobs.job(number).result is None


def test_old_jobs_and_dropped_files_are_removed(jobs: RequestedJobs) -> None:
    sent = NewJobFile(name="a.csv", media_type="text/csv", content=b"1;2")
    number = jobs.request("words.say", files=(sent,))
    children, now = ChildJobs(), SystemClock().now()
    assert jobs.runner("one", children).run_next(heavy=False)
    with jobs.as_person("maria").begin() as connection:
        assert drop_files(connection, number, by="maria", now=now)
        assert files_of(connection, number) == []
    jobs.runner("one", children).clean()
    assert jobs.rows("SELECT count(*) FROM job_files") == [(0,)]
    assert jobs.job(number).state is JobState.DONE
    later = FrozenClock(now + timedelta(days=31))

    assert jobs.runner("one", children, later).clean() == 1
    with jobs.owner.connect() as connection:
        assert jobs_before(connection, limit=10) == []


def test_the_command_line_lists_shows_and_cancels(jobs: RequestedJobs, tmp_path: Path) -> None:
    done = jobs.run("words.say").job_id
    waiting = jobs.request("words.say", text="later")

    def tieout(*words: str, code: int = 0) -> str:
        env = {"TIEOUT_TOKEN": token_of("maria")}
        result = CliRunner(env=env).invoke(cli.app, ["--config", str(jobs.config), *words])
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output

    listed = tieout("job", "list")
    assert f"{done}    done" in listed
    assert "Say later" in listed
    assert "Say hello" not in tieout("job", "list", "--active")
    assert "Said hello." in tieout("job", "show", str(done), "--out", str(tmp_path / "out"))
    assert (tmp_path / "out/said.txt").read_bytes() == b"hello"
    assert "is cancelled: Say later" in tieout("job", "cancel", str(waiting))
    assert "only a job that waits" in tieout("job", "cancel", str(waiting), code=1)
    assert "there is no job 999" in str(
        CliRunner()
        .invoke(cli.app, ["--config", str(jobs.config), "job", "show", "999"])
        .exception
    )
