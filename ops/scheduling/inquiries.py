"""Tell the workers that there is something to ask providers; the scheduler does so on time."""

import dramatiq
import structlog
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError
from sqlalchemy import Engine

from breaks.provider_inquiries import next_inquiry_at, request_inquiries
from ops.providers.inquiries import askable
from ops.settings.model import Settings
from storage.broker.redis import FETCH_QUEUE, fetch_message
from storage.queue.heartbeats import paused_queues
from vocabulary.clock import SystemClock

log = structlog.get_logger()


def ask_details(settings: Settings, engine: Engine, broker: dramatiq.Broker) -> None:
    """Want what the settings say is asked after a run; tell the workers of all that is due.

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
        tell_workers(broker)


def tell_workers(broker: dramatiq.Broker) -> bool:
    """Ask for the asking; False where the broker is down: the scheduler asks again."""
    try:
        broker.enqueue(fetch_message())
    except (RedisError, OSError, BrokerConnectionError) as error:
        log.warning("fetch_not_told", error=type(error).__name__)
        return False
    return True
