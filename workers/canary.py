"""A probe through the real queues: sent by the scheduler, noted by the worker that gets it.

Depth says how much waits; only a message that comes out says that somebody works.
"""

from collections.abc import Iterable
from datetime import timedelta

import dramatiq
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine

from storage.broker.redis import FETCH_QUEUE, INGEST_QUEUE, POST_QUEUE
from storage.queue.heartbeats import ask_canary, pass_canary
from workers.outcomes import Done, JobOutcome

CANARY_ACTOR = "canary.v1"
#: Every queue there is.
QUEUES = (POST_QUEUE, INGEST_QUEUE, FETCH_QUEUE)
#: A canary that did not come out after so many intervals is followed by another.
LOST_AFTER = 6

log = structlog.get_logger()


def send_canaries(
    engine: Engine, broker: dramatiq.Broker, *, every: timedelta, queues: Iterable[str] = QUEUES
) -> None:
    """Send a canary through each queue whose time has come.

    Raises:
        Unavailable: the database is out of reach.
    """
    for queue in queues:
        number = ask_canary(engine, queue, every=every, lost_after=every * LOST_AFTER)
        if number is not None:
            _send(broker, queue, number)


def note_canary(engine: Engine, queue: str, number: int, *, by: str) -> JobOutcome:
    """Write down that a canary came out.

    Raises:
        Unavailable: the database is out of reach.
    """
    pass_canary(engine, queue, number, worker=by)
    return Done(0)


def _send(broker: dramatiq.Broker, queue: str, number: int) -> None:
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
