"""Which queues this process may work on now: not the paused ones, and none when it is ending.

The state stands in Postgres, so that it survives every restart. Consumers of a paused queue
stop taking messages; a message that was taken before goes back as it came.
"""

import structlog
from dramatiq import Broker, Middleware
from dramatiq.worker import ConsumerThread, Worker
from sqlalchemy import Engine

from storage.queue.heartbeats import paused_queues

log = structlog.get_logger()


class QueuePause(Middleware):
    """Holds work back while its queue is paused or this process is ending."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._paused: frozenset[str] = frozenset()
        self._is_ending = False
        self._consumers: list[ConsumerThread] = []

    def hold(self, queue: str) -> str | None:
        """Why work of the queue is to be put down now, or None."""
        if self._is_ending:
            return "the process is ending"
        return f"queue {queue} is paused" if queue in self._paused else None

    def refresh(self) -> None:
        """Read the pauses anew, and stop or start the consumers accordingly.

        Raises:
            Unavailable: the database is out of reach; what was known stays.
        """
        self._paused = paused_queues(self._engine)
        for consumer in list(self._consumers):
            self._obey(consumer)

    def after_consumer_thread_boot(self, _broker: Broker, thread: ConsumerThread) -> None:
        """A consumer that begins: it may have to pause at once."""
        self._consumers.append(thread)
        self._obey(thread)

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """From here on what was taken and not begun goes back."""
        self._is_ending = True

    def _obey(self, consumer: ConsumerThread) -> None:
        if (consumer.queue_name in self._paused) is consumer.paused:
            return
        if consumer.paused:
            log.info("queue_resumed", queue=consumer.queue_name)
            consumer.resume()
        else:
            log.info("queue_paused", queue=consumer.queue_name)
            consumer.pause()
