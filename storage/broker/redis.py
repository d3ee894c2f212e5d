"""The broker: transport only. Losing it, or everything in it, loses nothing.

Messages carry ids; what they ask for is found in Postgres, where the sweeper finds it too.
Queue ``post`` holds ``post.v1``, ``ingest`` holds ``ingest.v1``, ``fetch`` holds ``fetch.v1``.
"""

from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

#: Longest wait for the broker, in seconds: an outage must not hold the one who asks.
BROKER_TIMEOUT_S = 2

POST_ACTOR, POST_QUEUE = "post.v1", "post"
INGEST_ACTOR, INGEST_QUEUE = "ingest.v1", "ingest"
FETCH_ACTOR, FETCH_QUEUE = "fetch.v1", "fetch"


def open_broker(url: str, middleware: Sequence[dramatiq.Middleware]) -> dramatiq.Broker:
    """A Dramatiq broker on a Valkey, Redis or RabbitMQ URL; connections are made on first use.

    Args:
        url: ``redis://host:port/db``, ``unix:///path/to.sock?db=0`` or
            ``amqp://user:password@host:port/vhost``; ``rediss://`` and ``amqps://`` for TLS.
        middleware: observers only; a hook that raises is skipped, so no guard lives there.

    Raises:
        ValueError: an AMQP URL that does not hold.
    """
    if url.startswith(("amqp://", "amqps://")):
        from storage.broker.rabbitmq import AmqpBroker  # noqa: PLC0415 - loads pika: for few

        return AmqpBroker(url, middleware, timeout_s=BROKER_TIMEOUT_S)
    return RedisBroker(  # type: ignore[no-untyped-call]
        url=url,
        middleware=list(middleware),
        socket_timeout=BROKER_TIMEOUT_S + 10,
        socket_connect_timeout=BROKER_TIMEOUT_S,
    )


def post_message(batches: Sequence[int]) -> "dramatiq.Message[None]":
    """Ask for these batches to be posted."""
    return _message(POST_ACTOR, POST_QUEUE, {"batches": list(batches)})


def ingest_message() -> "dramatiq.Message[None]":
    """Ask for stored history records to be ingested."""
    return _message(INGEST_ACTOR, INGEST_QUEUE, {})


def fetch_message() -> "dramatiq.Message[None]":
    """Ask for providers to be asked about the bets that wait for it."""
    return _message(FETCH_ACTOR, FETCH_QUEUE, {})


def _message(actor: str, queue: str, arguments: dict[str, object]) -> "dramatiq.Message[None]":
    return dramatiq.Message(
        queue_name=queue, actor_name=actor, args=(), kwargs=arguments, options={}
    )
