"""How many messages wait in each queue, as the broker itself counts them.

Redis and Valkey, per queue (the namespace is Dramatiq's):
    dramatiq:<queue>            list of waiting ids, oldest first
    dramatiq:<queue>.msgs       every unacknowledged message, waiting or in flight
    dramatiq:<queue>.DQ.msgs    delayed messages: retries that are not due yet
    dramatiq:<queue>.XQ         dead letters
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError, DecodeError
from pika.exceptions import AMQPError
from redis.exceptions import RedisError

from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """The number of one queue's messages, by state.

    Attributes:
        waiting: no worker has taken them yet.
        in_flight: taken and not acknowledged; None if the broker does not report it.
        delayed: retries that are not due yet.
        dead_letters: given up.
        oldest_at: when the oldest waiting message was made; None if there is none, or if the
            broker does not report it.
    """

    waiting: int
    in_flight: int | None
    delayed: int
    dead_letters: int
    oldest_at: datetime | None


def depths_of(broker: dramatiq.Broker, queues: Sequence[str]) -> dict[str, QueueDepth]:
    """The depth of each queue now.

    Raises:
        Unavailable: the broker is out of reach.
    """
    try:
        if isinstance(broker, RedisBroker):
            return {queue: _depth_in_redis(broker, queue) for queue in queues}
        return {queue: _depth_in_rabbitmq(broker, queue) for queue in queues}
    except (RedisError, OSError, BrokerConnectionError) as error:
        kind = type(error).__name__
        raise Unavailable(f"the broker is out of reach: {kind}") from error


def _depth_in_redis(broker: RedisBroker, queue: str) -> QueueDepth:
    key = f"{broker.namespace}:{queue}"
    pipeline = broker.client.pipeline(transaction=True)
    pipeline.llen(key)
    pipeline.hlen(f"{key}.msgs")
    pipeline.hlen(f"{key}.DQ.msgs")
    pipeline.zcard(f"{key}.XQ")
    pipeline.lindex(key, 0)
    waiting, unacknowledged, delayed, dead, oldest = pipeline.execute()
    message = broker.client.hget(f"{key}.msgs", oldest) if oldest else None
    return QueueDepth(
        waiting=waiting,
        in_flight=max(unacknowledged - waiting, 0),
        delayed=delayed,
        dead_letters=dead,
        oldest_at=_made_at(message) if isinstance(message, bytes) else None,
    )


def _made_at(message: bytes) -> datetime | None:
    try:
        stamp = dramatiq.Message.decode(message).message_timestamp
    except DecodeError:  # not one of our messages: counted, but its age is unknown
        return None
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _depth_in_rabbitmq(broker: dramatiq.Broker, queue: str) -> QueueDepth:
    assert isinstance(broker, RabbitmqBroker), "brokers are Redis, Valkey or RabbitMQ"
    try:
        broker.declare_queue(queue, ensure=True)
        waiting, delayed, dead = broker.get_queue_message_counts(queue)
    except AMQPError as error:
        raise Unavailable("the broker is out of reach: RabbitMQ") from error
    return QueueDepth(
        waiting=waiting, in_flight=None, delayed=delayed, dead_letters=dead, oldest_at=None
    )
