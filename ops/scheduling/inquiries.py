"""Inquiries about breaks on a schedule: request them, and have the workers send them."""

import dramatiq
import structlog
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError
from sqlalchemy import Engine

from breaks.provider_inquiries import next_inquiry_at, request_inquiries
from ops.providers.inquiries import askable
from ops.settings.model import Settings
from storage.broker.redis import FETCH_QUEUE, fetch_message
from storage.queue.liveness import paused_queues
from vocabulary.clock import SystemClock

log = structlog.get_logger()


def schedule_inquiries(settings: Settings, engine: Engine, broker: dramatiq.Broker) -> None:
    """Request the inquiries that the settings want after a run, and enqueue what is due.

    Raises:
        Unavailable: the database is out of reach.
    """
    now = SystemClock().now()
    kinds = [kind.value for kind in settings.breaks.ask]
    providers = askable(settings)
    if kinds and providers:
        request_inquiries(engine, providers=providers, kinds=kinds, now=now)
    due = next_inquiry_at(engine)
    if due is not None and due <= now and FETCH_QUEUE not in paused_queues(engine):
        enqueue_fetch(broker)


def enqueue_fetch(broker: dramatiq.Broker) -> bool:
    """Have a worker send the due inquiries; False if the broker is down: it is tried again."""
    try:
        broker.enqueue(fetch_message())
    except (RedisError, OSError, BrokerConnectionError) as error:
        log.warning("fetch_not_enqueued", error=type(error).__name__)
        return False
    return True
