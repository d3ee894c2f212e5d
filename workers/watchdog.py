"""Detects a worker process that runs without making progress.

Its consumers must poll their queues and no message may occupy a thread for too long. A consumer
can hang in a dead connection and a thread in a lock, or a thread can die, while the process
itself looks alive.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from dramatiq import Broker, Middleware
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.worker import ConsumerThread, Worker


class ProgressWatch(Middleware):
    """Watches the threads of one Dramatiq worker.

    Args:
        poll_timeout_s: longest time between two polls of a consumer.
        message_timeout_s: longest time that one message may take.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        poll_timeout_s: float,
        message_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poll_timeout_s = poll_timeout_s
        self._message_timeout_s = message_timeout_s
        self._clock = clock
        self._consumers: list[ConsumerThread] = []
        self._worker: Worker | None = None
        self._last_poll: dict[str, float] = {}
        self._started: dict[int, float] = {}
        self._is_stopping = False

    def watch(self, broker: Broker) -> None:
        """Observe every poll of the broker's consumers."""
        consume = broker.consume

        def watched(queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
            self.polled(queue_name)
            return _WatchedConsumer(consume(queue_name, prefetch, timeout), queue_name, self)

        broker.consume = watched  # type: ignore[method-assign]

    def polled(self, queue: str) -> None:
        """Record that the consumer of a queue polls it."""
        self._last_poll[queue] = self._clock()

    def hang_reason(self) -> str | None:
        """What hangs, in words, or None.

        In a worker that stops, only a message can hang: consumers and threads end.
        """
        now = self._clock()
        for consumer in () if self._is_stopping else self._consumers:
            if consumer.paused:
                self._last_poll[consumer.queue_name] = now
            if not consumer.is_alive():
                return f"the consumer of {consumer.queue_name} died"
            if now - self._last_poll.get(consumer.queue_name, now) > self._poll_timeout_s:
                return f"the consumer of {consumer.queue_name} hangs"
        if any(
            now - started > self._message_timeout_s for started in list(self._started.values())
        ):
            return "a message takes too long"
        threads = self._worker.workers if self._worker and not self._is_stopping else []
        return None if all(thread.is_alive() for thread in threads) else "a thread died"

    def after_worker_boot(self, _broker: Broker, worker: Worker) -> None:
        """Remember the worker, whose threads process messages."""
        self._worker = worker

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """Expect that consumers and threads end."""
        self._is_stopping = True

    def after_consumer_thread_boot(self, _broker: Broker, thread: ConsumerThread) -> None:
        """Watch a new consumer."""
        self._last_poll[thread.queue_name] = self._clock()
        self._consumers.append(thread)

    def before_process_message(self, _broker: Broker, _message: MessageProxy) -> None:
        """Record when this thread starts a message."""
        self._started[threading.get_ident()] = self._clock()

    def after_process_message(
        self,
        _broker: Broker,
        _message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002 - Dramatiq's own signature
        exception: BaseException | None = None,  # noqa: ARG002
    ) -> None:
        """Record that this thread has finished a message, successfully or not."""
        self._started.pop(threading.get_ident(), None)

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        """Record that this thread has skipped a message."""
        self._started.pop(threading.get_ident(), None)


class _WatchedConsumer(Consumer):
    """A consumer that reports every poll."""

    def __init__(self, consumer: Consumer, queue: str, progress: ProgressWatch) -> None:
        self._consumer = consumer
        self._queue = queue
        self._progress = progress

    def __next__(self) -> MessageProxy | None:
        self._progress.polled(self._queue)
        return next(self._consumer)

    def ack(self, message: MessageProxy) -> None:
        self._consumer.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self._consumer.nack(message)

    def requeue(self, messages: Any) -> None:
        self._consumer.requeue(messages)

    def close(self) -> None:
        self._consumer.close()
