"""What Dramatiq is told about how a job ended."""

from typing import Any

import pytest
from dramatiq import Message, Worker, actor
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage, Retries
from structlog.testing import capture_logs

from vocabulary.errors import Unavailable
from workers.outcomes import ATTEMPTS_MAX, PAUSE_MS, Done, Outcome, Parked, settle


def _down() -> Outcome:
    raise Unavailable("the database is out of reach")


def _on_attempt(retries: int) -> Any:
    """Dramatiq's own bookkeeping of the message that is being worked on."""
    message: Message[None] = Message(
        queue_name="post",
        actor_name="post.v1",
        args=(),
        kwargs={},
        options={"retries": retries},
    )
    middleware = CurrentMessage()
    middleware.before_process_message(None, message)  # type: ignore[no-untyped-call]
    return middleware, message


def test_work_that_stands_is_logged_and_the_message_is_done() -> None:
    with capture_logs() as logs:
        settle("post.v1", lambda: Done(3))

    assert logs == [{"event": "job_done", "job": "post.v1", "count": 3, "log_level": "info"}]


def test_parked_work_is_an_error_in_the_log_and_no_retry() -> None:
    with capture_logs() as logs:
        settle("ingest.v1", lambda: Parked(2))

    assert [(log["event"], log["log_level"]) for log in logs] == [("job_parked", "error")]


@pytest.mark.parametrize("retries", range(ATTEMPTS_MAX))
def test_an_outage_is_tried_again_after_a_growing_pause(retries: int) -> None:
    middleware, message = _on_attempt(retries)
    with pytest.raises(Retry, match="out of reach") as raised:
        settle("post.v1", _down)
    middleware.after_process_message(None, message)

    assert raised.value.delay == PAUSE_MS * 2**retries


def test_the_last_attempt_lets_the_message_go_to_the_sweeper() -> None:
    middleware, message = _on_attempt(ATTEMPTS_MAX)
    with capture_logs() as logs:
        settle("post.v1", _down)
    middleware.after_process_message(None, message)

    assert [log["event"] for log in logs] == ["job_left_to_sweeper"]


def test_a_bug_is_not_dressed_up_as_an_outage() -> None:
    def bug() -> Outcome:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        settle("post.v1", bug)


def test_dramatiq_attempts_an_outage_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.outcomes.PAUSE_MS", 1)
    broker = StubBroker(middleware=[Retries(max_retries=ATTEMPTS_MAX), CurrentMessage()])
    attempts = []

    @actor(actor_name="post.v1", queue_name="post", broker=broker)
    def job() -> None:
        attempts.append(1)
        settle("post.v1", _down)

    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    job.send()
    broker.join("post", timeout=20_000)
    worker.stop()

    assert len(attempts) == ATTEMPTS_MAX + 1
    assert broker.dead_letters == []
