"""Canaries: probe messages that the scheduler sends and a worker records.

A queue's depth shows how much waits; only a processed message proves that a worker runs.
"""

from collections.abc import Iterable
from datetime import timedelta

import dramatiq
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine

from storage.broker.redis import FETCH_QUEUE, INGEST_QUEUE, POST_QUEUE
from storage.queue.liveness import claim_canary, record_canary_arrival, release_canary
from workers.outcomes import Done, JobOutcome

CANARY_ACTOR = "canary.v1"
#: All queues.
QUEUES = (POST_QUEUE, INGEST_QUEUE, FETCH_QUEUE)
#: A canary that is not recorded after so many intervals counts as lost; another is sent.
LOST_AFTER = 6

log = structlog.get_logger()


def send_canaries(
    engine: Engine, broker: dramatiq.Broker, *, every: timedelta, queues: Iterable[str] = QUEUES
) -> None:
    """Send a canary through each queue that is due for one.

    Raises:
        Unavailable: the database is unreachable.
    """
    for queue in queues:
        number = claim_canary(engine, queue, every=every, lost_after=every * LOST_AFTER)
        if number is not None and not _send(broker, queue, number):
            # Otherwise the queue would seem dead until the canary counts as lost.
            release_canary(engine, queue, number, lost_after=every * LOST_AFTER)


def record_canary(engine: Engine, queue: str, number: int, *, by: str) -> JobOutcome:
    """Record that a canary was processed.

    Raises:
        Unavailable: the database is unreachable.
    """
    record_canary_arrival(engine, queue, number, worker=by)
    return Done(0)


def _send(broker: dramatiq.Broker, queue: str, number: int) -> bool:
    """Send a canary; False if the broker is out of reach."""
    message = dramatiq.Message[None](
        queue_name=queue,
        actor_name=CANARY_ACTOR,
        args=(),
        kwargs={"queue": queue, "number": number},
        options={},
    )
    try:
        broker.enqueue(message)
    except (RedisError, OSError, dramatiq.errors.BrokerConnectionError) as error:
        log.warning("canary_not_sent", queue=queue, error=type(error).__name__)
        return False
    return True
