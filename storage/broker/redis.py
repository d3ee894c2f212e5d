"""The broker's connection and messages. It only transports: losing it loses nothing.

Messages carry ids. The work itself is in PostgreSQL, where the sweeper finds it too.
Queue ``post`` holds ``post.v1``, ``ingest`` holds ``ingest.v1``, ``fetch`` holds ``fetch.v1``.
"""

from collections.abc import Sequence

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from storage.broker.rabbitmq import SCHEMES, AmqpBroker

#: Longest wait for the broker, in seconds: an outage must not hold up the caller.
BROKER_TIMEOUT_S = 2

POST_ACTOR, POST_QUEUE = "post.v1", "post"
INGEST_ACTOR, INGEST_QUEUE = "ingest.v1", "ingest"
FETCH_ACTOR, FETCH_QUEUE = "fetch.v1", "fetch"

log = structlog.get_logger()


def open_broker(url: str, middleware: Sequence[dramatiq.Middleware]) -> dramatiq.Broker:
    """A Dramatiq broker on a Valkey, Redis or RabbitMQ URL; connections are made on first use.

    Args:
        url: ``redis://host:port/db``, ``unix:///path/to.sock?db=0`` or
            ``amqp://user:password@host:port/vhost``; ``rediss://`` and ``amqps://`` for TLS.
        middleware: observers only. Dramatiq skips a hook that raises, so no guard may be one.

    Raises:
        ValueError: the AMQP URL is invalid.
    """
    if url.startswith(SCHEMES):
        return AmqpBroker(url, middleware, timeout_s=BROKER_TIMEOUT_S)
    return RedisBroker(  # type: ignore[no-untyped-call]
        url=url,
        middleware=list(middleware),
        socket_timeout=BROKER_TIMEOUT_S + 10,
        socket_connect_timeout=BROKER_TIMEOUT_S,
    )


def close_broker(broker: dramatiq.Broker) -> None:
    """Close the connections; if the broker is out of reach, that changes nothing."""
    try:
        broker.close()
    except (RedisError, OSError, BrokerConnectionError) as error:
        log.debug("broker_not_closed", error=type(error).__name__)


def post_message(batches: Sequence[int]) -> "dramatiq.Message[None]":
    """Ask for these batches to be posted."""
    return _message(POST_ACTOR, POST_QUEUE, {"batches": list(batches)})


def ingest_message() -> "dramatiq.Message[None]":
    """Ask for stored history records to be ingested."""
    return _message(INGEST_ACTOR, INGEST_QUEUE, {})


def fetch_message() -> "dramatiq.Message[None]":
    """Ask for the waiting inquiries to be sent to their providers."""
    return _message(FETCH_ACTOR, FETCH_QUEUE, {})


def _message(actor: str, queue: str, arguments: dict[str, object]) -> "dramatiq.Message[None]":
    return dramatiq.Message(
        queue_name=queue, actor_name=actor, args=(), kwargs=arguments, options={}
    )
