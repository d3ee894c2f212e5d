"""How job outcomes decide about retries of Dramatiq messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from dramatiq import Broker, Message, Worker, actor
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage, Retries
from structlog.testing import capture_logs

from vocabulary.errors import Unavailable
from workers.outcomes import (
    ATTEMPTS_MAX,
    JITTER,
    PAUSE_MS,
    Done,
    JobOutcome,
    JobRunner,
    Parked,
    Requeued,
    RetryLater,
)


def _down() -> JobOutcome:
    raise Unavailable("the database is out of reach")


def _bug() -> JobOutcome:
    raise ZeroDivisionError("a bug")


@contextmanager
def on_attempt(retries: int) -> Iterator[None]:
    """Make a message with so many retries the current one, as Dramatiq does."""
    message: Message[None] = Message(
        queue_name="post",
        actor_name="post.v1",
        args=(),
        kwargs={},
        options={"retries": retries},
    )
    middleware: Any = CurrentMessage()
    middleware.before_process_message(None, message)
    yield
    middleware.after_process_message(None, message)


class BugReports:
    """Records the bugs that a runner reports."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str]] = []

    def __call__(self, job: str, error: Exception) -> None:
        self.reports.append((job, type(error).__name__))


def runner(broker: Broker | None = None, bugs: BugReports | None = None) -> JobRunner:
    return JobRunner(broker or StubBroker(middleware=[]), Random(7), bugs or BugReports())


def test_complete_work_is_logged_and_the_message_is_done() -> None:
    with capture_logs() as logs:
        runner().run("post.v1", lambda: Done(3))

    assert logs == [{"event": "job_done", "job": "post.v1", "count": 3, "log_level": "info"}]


def test_parked_work_is_logged_as_an_error_and_not_retried() -> None:
    with capture_logs() as logs:
        runner().run("ingest.v1", lambda: Parked(2))

    assert [(log["event"], log["log_level"]) for log in logs] == [("job_parked", "error")]


@pytest.mark.parametrize("retries", range(ATTEMPTS_MAX))
def test_an_outage_is_retried_after_a_growing_random_pause(
    retries: int,
) -> None:
    job_runner = runner()
    delays = []
    for _ in range(20):
        with on_attempt(retries), pytest.raises(Retry, match="out of reach") as raised:
            job_runner.run("post.v1", _down)
        delays.append(raised.value.delay or 0)

    shortest = PAUSE_MS * 2**retries
    assert all(shortest <= delay <= shortest * (1 + JITTER) for delay in delays)
    assert len(set(delays)) > 1


def test_a_job_may_set_the_pause_before_its_retry() -> None:
    with on_attempt(3), pytest.raises(Retry, match="busy") as raised:
        runner().run("post.v1", lambda: RetryLater(2.0, "busy"))

    delay = raised.value.delay
    assert delay is not None
    assert 2_000 <= delay <= 2_000 * (1 + JITTER)


def test_the_last_attempt_leaves_the_work_to_the_sweeper() -> None:
    with on_attempt(ATTEMPTS_MAX), capture_logs() as logs:
        runner().run("post.v1", _down)

    assert [log["event"] for log in logs] == ["job_left_to_sweeper"]


def test_a_bug_is_logged_by_class_and_place_retried_and_finally_parked() -> None:
    bugs = BugReports()
    with capture_logs() as logs, on_attempt(0), pytest.raises(Retry, match="ZeroDivision"):
        runner(bugs=bugs).run("post.v1", _bug)
    before = list(bugs.reports)
    with on_attempt(ATTEMPTS_MAX), capture_logs():
        runner(bugs=bugs).run("post.v1", _bug)

    assert (logs[0]["event"], logs[0]["log_level"]) == ("job_broken", "critical")
    assert logs[0]["at"].startswith("test_outcomes.py:")
    assert "a bug" not in str(logs)
    assert before == []
    assert bugs.reports == [("post.v1", "ZeroDivisionError")]


def test_a_requeued_message_keeps_its_number_of_attempts() -> None:
    broker = StubBroker(middleware=[])
    broker.declare_queue("post")
    with on_attempt(3):
        runner(broker).run("post.v1", lambda: Requeued("queue post is paused"))

    requeued = Message.decode(broker.queues["post"].get_nowait())
    assert (requeued.actor_name, requeued.options["retries"]) == ("post.v1", 3)


def test_dramatiq_retries_an_outage_a_bounded_number_of_times() -> None:
    broker = StubBroker(middleware=[Retries(max_retries=ATTEMPTS_MAX), CurrentMessage()])
    attempts = []
    job_runner = runner(broker)

    @actor(actor_name="post.v1", queue_name="post", broker=broker)
    def job() -> None:
        attempts.append(1)
        job_runner.run("post.v1", lambda: RetryLater(0.001, "down"))

    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    job.send()
    broker.join("post", timeout=60_000)
    worker.stop()

    assert len(attempts) == ATTEMPTS_MAX + 1
    assert broker.dead_letters == []
