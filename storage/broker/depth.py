"""What waits in the broker, asked of the broker itself: never of a worker's memory.

Redis and Valkey, per queue (the namespace is Dramatiq's):
    dramatiq:<queue>            list of waiting ids, oldest first
    dramatiq:<queue>.msgs       every message that is not acknowledged, waiting or in flight
    dramatiq:<queue>.DQ.msgs    delayed messages: retries that wait for their time
    dramatiq:<queue>.XQ         dead letters
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError, DecodeError
from redis.exceptions import RedisError

from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """One queue's messages, by count.

    Attributes:
        waiting: not yet taken by any worker.
        in_flight: taken and not acknowledged; None where the broker does not say.
        delayed: retries that wait for their time.
        dead_letters: given up.
        oldest_at: when the oldest waiting message was made; None where there is none, or
            where the broker does not say.
    """

    waiting: int
    in_flight: int | None
    delayed: int
    dead_letters: int
    oldest_at: datetime | None


def depths_of(broker: dramatiq.Broker, queues: Sequence[str]) -> dict[str, QueueDepth]:
    """Every queue's depth now.

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
    asking = broker.client.pipeline(transaction=True)
    asking.llen(key)
    asking.hlen(f"{key}.msgs")
    asking.hlen(f"{key}.DQ.msgs")
    asking.zcard(f"{key}.XQ")
    asking.lindex(key, 0)
    waiting, unacknowledged, delayed, dead, oldest = asking.execute()
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
    except DecodeError:  # not a message of ours: it has no age, and it is counted
        return None
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _depth_in_rabbitmq(broker: dramatiq.Broker, queue: str) -> QueueDepth:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415 - loads pika: for few
    from pika.exceptions import AMQPError  # noqa: PLC0415

    assert isinstance(broker, RabbitmqBroker), "brokers are Redis, Valkey or RabbitMQ"
    try:
        broker.declare_queue(queue, ensure=True)
        waiting, delayed, dead = broker.get_queue_message_counts(queue)
    except AMQPError as error:
        raise Unavailable("the broker is out of reach: RabbitMQ") from error
    return QueueDepth(
        waiting=waiting, in_flight=None, delayed=delayed, dead_letters=dead, oldest_at=None
    )
