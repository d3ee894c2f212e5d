"""What Dramatiq is told about how a job ended."""

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
    """Dramatiq's own bookkeeping of the message that is being worked on."""
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


class Bugs:
    """What was told about bugs."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __call__(self, job: str, error: Exception) -> None:
        self.told.append((job, type(error).__name__))


def settler(broker: Broker | None = None, bugs: Bugs | None = None) -> JobRunner:
    return JobRunner(broker or StubBroker(middleware=[]), Random(7), bugs or Bugs())


def test_work_that_stands_is_logged_and_the_message_is_done() -> None:
    with capture_logs() as logs:
        settler().run("post.v1", lambda: Done(3))

    assert logs == [{"event": "job_done", "job": "post.v1", "count": 3, "log_level": "info"}]


def test_parked_work_is_an_error_in_the_log_and_no_retry() -> None:
    with capture_logs() as logs:
        settler().run("ingest.v1", lambda: Parked(2))

    assert [(log["event"], log["log_level"]) for log in logs] == [("job_parked", "error")]


@pytest.mark.parametrize("retries", range(ATTEMPTS_MAX))
def test_an_outage_is_tried_again_after_a_growing_pause_that_chance_spreads(
    retries: int,
) -> None:
    told = settler()
    delays = []
    for _ in range(20):
        with on_attempt(retries), pytest.raises(Retry, match="out of reach") as raised:
            told.run("post.v1", _down)
        delays.append(raised.value.delay or 0)

    shortest = PAUSE_MS * 2**retries
    assert all(shortest <= delay <= shortest * (1 + JITTER) for delay in delays)
    assert len(set(delays)) > 1


def test_a_job_may_say_when_it_wants_to_be_tried_again() -> None:
    with on_attempt(3), pytest.raises(Retry, match="busy") as raised:
        settler().run("post.v1", lambda: RetryLater(2.0, "busy"))

    delay = raised.value.delay
    assert delay is not None
    assert 2_000 <= delay <= 2_000 * (1 + JITTER)


def test_the_last_attempt_lets_the_message_go_to_the_sweeper() -> None:
    with on_attempt(ATTEMPTS_MAX), capture_logs() as logs:
        settler().run("post.v1", _down)

    assert [log["event"] for log in logs] == ["job_left_to_sweeper"]


def test_a_bug_is_told_by_kind_and_place_tried_again_and_parked_in_the_end() -> None:
    bugs = Bugs()
    with capture_logs() as logs, on_attempt(0), pytest.raises(Retry, match="ZeroDivision"):
        settler(bugs=bugs).run("post.v1", _bug)
    before = list(bugs.told)
    with on_attempt(ATTEMPTS_MAX), capture_logs():
        settler(bugs=bugs).run("post.v1", _bug)

    assert (logs[0]["event"], logs[0]["log_level"]) == ("job_broken", "critical")
    assert logs[0]["at"].startswith("test_outcomes.py:")
    assert "a bug" not in str(logs)
    assert before == []
    assert bugs.told == [("post.v1", "ZeroDivisionError")]


def test_a_message_that_is_put_back_has_no_attempt_more_than_before() -> None:
    broker = StubBroker(middleware=[])
    broker.declare_queue("post")
    with on_attempt(3):
        settler(broker).run("post.v1", lambda: Requeued("queue post is paused"))

    back = Message.decode(broker.queues["post"].get_nowait())
    assert (back.actor_name, back.options["retries"]) == ("post.v1", 3)


def test_dramatiq_attempts_an_outage_a_bounded_number_of_times() -> None:
    broker = StubBroker(middleware=[Retries(max_retries=ATTEMPTS_MAX), CurrentMessage()])
    attempts = []
    told = settler(broker)

    @actor(actor_name="post.v1", queue_name="post", broker=broker)
    def job() -> None:
        attempts.append(1)
        told.run("post.v1", lambda: RetryLater(0.001, "down"))

    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    job.send()
    broker.join("post", timeout=60_000)
    worker.stop()

    assert len(attempts) == ATTEMPTS_MAX + 1
    assert broker.dead_letters == []
