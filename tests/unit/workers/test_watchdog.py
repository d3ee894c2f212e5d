"""What the watchdog reports as hanging, on a clock that tests move."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from dramatiq import Message, Worker, actor
from dramatiq.broker import MessageProxy
from dramatiq.brokers.stub import StubBroker

from tests.harness.servers.receiver import wait_until
from workers import heartbeat_file
from workers.watchdog import ProgressWatch

POLL_TIMEOUT_S, MESSAGE_TIMEOUT_S = 60.0, 150.0


class ManualClock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Consumer(threading.Thread):
    """The part of Dramatiq's consumer thread that the watchdog reads."""

    def __init__(self) -> None:
        self.queue_name = "post"
        self.paused = False
        self._end = threading.Event()
        super().__init__(target=self._end.wait)
        self.start()

    def end(self) -> None:
        self._end.set()
        self.join()


@pytest.fixture
def consumer() -> Iterator[Any]:
    thread = Consumer()
    yield thread
    thread.end()


def watch(consumer: Any, clock: ManualClock) -> ProgressWatch:
    progress = ProgressWatch(
        poll_timeout_s=POLL_TIMEOUT_S, message_timeout_s=MESSAGE_TIMEOUT_S, clock=clock
    )
    progress.after_consumer_thread_boot(StubBroker(middleware=[]), consumer)
    return progress


def test_a_consumer_that_polls_makes_progress_and_one_that_hangs_does_not(
    consumer: Any,
) -> None:
    clock = ManualClock()
    progress = watch(consumer, clock)

    clock.at += POLL_TIMEOUT_S
    in_time = progress.hang_reason()
    clock.at += 1
    too_late = progress.hang_reason()
    progress.polled("post")

    assert in_time is None
    assert too_late == "the consumer of post hangs"
    assert progress.hang_reason() is None


def test_a_paused_consumer_need_not_poll(consumer: Any) -> None:
    clock = ManualClock()
    progress = watch(consumer, clock)
    consumer.paused = True
    clock.at += 10 * POLL_TIMEOUT_S
    while_paused = progress.hang_reason()
    consumer.paused = False

    assert while_paused is None
    assert progress.hang_reason() is None


def test_a_dead_consumer_is_reported(consumer: Any) -> None:
    progress = watch(consumer, ManualClock())
    consumer.end()

    assert progress.hang_reason() == "the consumer of post died"


def test_a_message_that_takes_too_long_is_reported_until_it_ends(consumer: Any) -> None:
    clock = ManualClock()
    progress = watch(consumer, clock)
    message = MessageProxy(Message("post", "post.v1", (), {}, {}))
    broker = StubBroker(middleware=[])

    progress.before_process_message(broker, message)
    clock.at += MESSAGE_TIMEOUT_S + 1
    progress.polled("post")
    hanging = progress.hang_reason()
    progress.after_process_message(broker, message)

    assert hanging == "a message takes too long"
    assert progress.hang_reason() is None


def test_a_real_worker_is_watched_through_its_broker() -> None:
    progress = ProgressWatch(
        poll_timeout_s=POLL_TIMEOUT_S, message_timeout_s=MESSAGE_TIMEOUT_S, clock=ManualClock()
    )
    broker = StubBroker(middleware=[progress])
    progress.watch(broker)
    done: list[str | None] = []

    @actor(queue_name="post", broker=broker)
    def job() -> None:
        done.append(progress.hang_reason())

    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    job.send()
    assert wait_until(lambda: done == [None])
    worker.stop()

    assert progress.hang_reason() is None, "a normal stop is no hang"


def test_a_missing_heartbeat_file_has_no_age_and_a_fresh_one_is_recent(
    tmp_path: Path,
) -> None:
    path = tmp_path / "worker.heartbeat"
    before = heartbeat_file.age_s(path)
    heartbeat_file.touch(path)
    after = heartbeat_file.age_s(path)
    path.write_text("")

    assert before is None
    assert after is not None
    assert 0 <= after < 3600
    assert heartbeat_file.age_s(path) is None


def test_what_ends_while_a_worker_stops_hangs_not_but_its_messages_may(consumer: Any) -> None:
    clock = ManualClock()
    progress = watch(consumer, clock)
    broker = StubBroker(middleware=[])
    progress.before_worker_shutdown(broker, cast("Worker", None))
    consumer.end()
    clock.at += 10 * POLL_TIMEOUT_S
    assert progress.hang_reason() is None
    progress.before_process_message(broker, cast("MessageProxy", None))
    clock.at += 2 * MESSAGE_TIMEOUT_S
    assert progress.hang_reason() == "a message takes too long"
