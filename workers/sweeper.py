"""Find unfinished work in PostgreSQL and send messages for it, or do it.

The broker may be down, flushed, or have lost a message; a small index finds old unposted
batches. If messages do not help, because the broker or every worker is down, the sweeper posts
and ingests by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

import dramatiq
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, text

from storage.broker.redis import INGEST_QUEUE, POST_QUEUE, ingest_message, post_message
from storage.queue.liveness import paused_queues
from storage.transactions import reading
from vocabulary import fault_points
from vocabulary.fault_points import Step
from workers.actors import post_unposted
from workers.context import WorkerContext
from workers.ingest import ingest

#: Most batch ids in one message.
BATCHES_PER_MESSAGE = 1_000
#: At this multiple of the sweep age the sweeper does the work itself.
TAKEOVER_FACTOR = 5

_WAITING = """
SELECT (SELECT array_agg(batch_id) FROM (
          SELECT batch_id FROM batches
           WHERE posted_at IS NULL AND parked_at IS NULL
             AND committed_at < clock_timestamp() - :age * interval '1 second'
           ORDER BY batch_id LIMIT :most) AS old),
       (SELECT extract(epoch FROM clock_timestamp() - min(committed_at))::bigint FROM batches
         WHERE posted_at IS NULL AND parked_at IS NULL),
       (SELECT extract(epoch FROM clock_timestamp() - min(received_at))::bigint FROM deliveries
         WHERE verdict IN ('recorded', 'malformed')
           AND ingested_at IS NULL AND parked_at IS NULL)
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Waiting work: batches older than the sweep age, and the oldest ages in seconds."""

    batches: list[int]
    oldest_batch_s: int
    oldest_record_s: int


def backlog(engine: Engine, *, age_s: int) -> Backlog:
    """Read what waits.

    Raises:
        Unavailable: the database is unreachable.
    """
    with reading(engine, "sweep") as connection:
        row = connection.execute(text(_WAITING), {"age": age_s, "most": BATCHES_PER_MESSAGE})
        batches, oldest_batch, oldest_record = row.one()
    return Backlog(
        batches=batches or [],
        oldest_batch_s=oldest_batch or 0,
        oldest_record_s=oldest_record or 0,
    )


def sweep(context: WorkerContext, broker: dramatiq.Broker, *, age_s: int) -> Backlog:
    """Send messages for old work and do work that is far too old; skip paused queues.

    Raises:
        Unavailable: the database is unreachable.
    """
    paused = paused_queues(context.engine)
    waiting = backlog(context.engine, age_s=age_s)
    ages = {
        POST_QUEUE: waiting.oldest_batch_s if waiting.batches else 0,
        INGEST_QUEUE: waiting.oldest_record_s if waiting.oldest_record_s > age_s else 0,
    }
    overdue = {queue: age for queue, age in ages.items() if age and queue not in paused}
    if overdue:
        fault_points.reached(Step.BACKLOG_FOUND)
        _send(broker, waiting, overdue)
        fault_points.reached(Step.BACKLOG_SENT)
    for queue, oldest_s in overdue.items():
        if oldest_s > age_s * TAKEOVER_FACTOR:
            _work_off(context, queue, oldest_s)
    return waiting


def _work_off(context: WorkerContext, queue: str, oldest_s: int) -> None:
    if queue == POST_QUEUE:
        log.warning("sweep_posts", oldest_s=oldest_s)
        post_unposted(context)
    else:
        log.warning("sweep_ingests", oldest_s=oldest_s)
        ingest(context)


def _send(broker: dramatiq.Broker, waiting: Backlog, overdue: Collection[str]) -> None:
    try:
        if POST_QUEUE in overdue:
            broker.enqueue(post_message(waiting.batches))
        if INGEST_QUEUE in overdue:
            broker.enqueue(ingest_message())
    except (RedisError, OSError, dramatiq.errors.BrokerConnectionError) as error:
        log.warning("sweep_notify_failed", error=type(error).__name__)
