"""Stops work on paused queues, and on all queues while the process ends.

Pauses are stored in PostgreSQL, so they survive every restart. Consumers of a paused queue
take no messages; a message that was taken before is requeued unchanged.
"""

import structlog
from dramatiq import Broker, Middleware
from dramatiq.worker import ConsumerThread, Worker
from sqlalchemy import Engine

from storage.queue.liveness import paused_queues

log = structlog.get_logger()


class QueuePause(Middleware):
    """Stops work while its queue is paused or this process is ending."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._paused: frozenset[str] = frozenset()
        self._is_ending = False
        self._consumers: list[ConsumerThread] = []

    def pause_reason(self, queue: str) -> str | None:
        """Why work of this queue must stop now, or None."""
        if self._is_ending:
            return "the process is ending"
        return f"queue {queue} is paused" if queue in self._paused else None

    def refresh(self) -> None:
        """Read the pauses, and pause or resume the consumers accordingly.

        Raises:
            Unavailable: the database is unreachable; the known pauses stay in force.
        """
        self._paused = paused_queues(self._engine)
        for consumer in list(self._consumers):
            self._apply(consumer)

    def after_consumer_thread_boot(self, _broker: Broker, thread: ConsumerThread) -> None:
        """Pause a new consumer at once if its queue is paused."""
        self._consumers.append(thread)
        self._apply(thread)

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """Requeue from now on what was taken and not started."""
        self._is_ending = True

    def _apply(self, consumer: ConsumerThread) -> None:
        if (consumer.queue_name in self._paused) is consumer.paused:
            return
        if consumer.paused:
            log.info("queue_resumed", queue=consumer.queue_name)
            consumer.resume()
        else:
            log.info("queue_paused", queue=consumer.queue_name)
            consumer.pause()
