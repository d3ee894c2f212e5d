"""Whether a worker process makes progress: its consumers turn and no message holds a thread.

Existence proves nothing. A consumer that hangs in a dead connection, a thread that hangs in a
lock, a thread that died: each is a worker that is alive and works no more.
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
        turn_s: longest time in which a consumer must have asked its broker once.
        message_s: longest time that one message may take.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        turn_s: float,
        message_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turn_s = turn_s
        self._message_s = message_s
        self._clock = clock
        self._consumers: list[ConsumerThread] = []
        self._worker: Worker | None = None
        self._turned: dict[str, float] = {}
        self._begun: dict[int, float] = {}

    def watch(self, broker: Broker) -> None:
        """Be told of every turn of the broker's consumers."""
        consume = broker.consume

        def watched(queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
            self.turned(queue_name)
            return _Watched(consume(queue_name, prefetch, timeout), queue_name, self)

        broker.consume = watched  # type: ignore[method-assign]

    def turned(self, queue: str) -> None:
        """A consumer asks its broker."""
        self._turned[queue] = self._clock()

    def stuck(self) -> str | None:
        """What hangs, in words, or None."""
        now = self._clock()
        for consumer in self._consumers:
            if consumer.paused:
                self._turned[consumer.queue_name] = now
            if not consumer.is_alive():
                return f"the consumer of {consumer.queue_name} died"
            if now - self._turned.get(consumer.queue_name, now) > self._turn_s:
                return f"the consumer of {consumer.queue_name} hangs"
        if any(now - begun > self._message_s for begun in list(self._begun.values())):
            return "a message takes too long"
        threads = self._worker.workers if self._worker else []
        return None if all(thread.is_alive() for thread in threads) else "a thread died"

    def after_worker_boot(self, _broker: Broker, worker: Worker) -> None:
        """The threads that work."""
        self._worker = worker

    def after_consumer_thread_boot(self, _broker: Broker, thread: ConsumerThread) -> None:
        """A thread that reads a queue."""
        self._turned[thread.queue_name] = self._clock()
        self._consumers.append(thread)

    def before_process_message(self, _broker: Broker, _message: MessageProxy) -> None:
        """A thread begins a message."""
        self._begun[threading.get_ident()] = self._clock()

    def after_process_message(
        self,
        _broker: Broker,
        _message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002 - Dramatiq's own signature
        exception: BaseException | None = None,  # noqa: ARG002
    ) -> None:
        """A thread ended a message, well or not."""
        self._begun.pop(threading.get_ident(), None)

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        """A thread skipped a message."""
        self._begun.pop(threading.get_ident(), None)


class _Watched(Consumer):
    """A consumer that says when it turns."""

    def __init__(self, consumer: Consumer, queue: str, progress: ProgressWatch) -> None:
        self._consumer = consumer
        self._queue = queue
        self._progress = progress

    def __next__(self) -> MessageProxy | None:
        self._progress.turned(self._queue)
        return next(self._consumer)

    def ack(self, message: MessageProxy) -> None:
        self._consumer.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self._consumer.nack(message)

    def requeue(self, messages: Any) -> None:
        self._consumer.requeue(messages)

    def close(self) -> None:
        self._consumer.close()
