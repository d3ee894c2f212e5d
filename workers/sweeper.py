"""Find work that nobody was told about, in Postgres, and ask for it; or do it.

The broker may be down, flushed, or have lost a message: the question "which batches are old and
unposted?" has its own small index. When asking does not help for long, because the broker or
every worker is gone, the sweeper posts and ingests by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

import dramatiq
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from storage.broker.redis import INGEST_QUEUE, POST_QUEUE, ingest_message, post_message
from storage.queue.heartbeats import paused_queues
from vocabulary import steps
from vocabulary.errors import Unavailable
from vocabulary.steps import Step
from workers.actors import post_some
from workers.context import WorkerContext
from workers.ingest import ingest

#: Most batch ids named in one message.
BATCHES_NAMED_MAX = 1_000
#: Beyond this multiple of the sweep age the sweeper does the work itself.
PATIENCE = 5

_WAITING = """
SELECT (SELECT array_agg(batch_id) FROM (
          SELECT batch_id FROM batches
           WHERE posted_at IS NULL AND parked_at IS NULL
             AND committed_at < clock_timestamp() - :age * interval '1 second'
           ORDER BY batch_id LIMIT :most) AS old),
       (SELECT extract(epoch FROM clock_timestamp() - min(committed_at))::bigint FROM batches
         WHERE posted_at IS NULL AND parked_at IS NULL),
       (SELECT extract(epoch FROM clock_timestamp() - min(received_at))::bigint FROM deliveries
         WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL)
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits: batches older than the sweep age, and the oldest ages in seconds."""

    batches: list[int]
    oldest_batch_s: int
    oldest_record_s: int


def backlog(engine: Engine, *, age_s: int) -> Backlog:
    """Ask Postgres what waits.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            row = connection.execute(text(_WAITING), {"age": age_s, "most": BATCHES_NAMED_MAX})
            batches, oldest_batch, oldest_record = row.one()
    except OperationalError as error:
        raise Unavailable("sweep: the database is out of reach") from error
    return Backlog(
        batches=batches or [],
        oldest_batch_s=oldest_batch or 0,
        oldest_record_s=oldest_record or 0,
    )


def sweep(desk: WorkerContext, broker: dramatiq.Broker, *, age_s: int) -> Backlog:
    """Ask for what is old; do what is far too old; leave paused queues alone.

    Raises:
        Unavailable: the database is out of reach.
    """
    paused = paused_queues(desk.engine)
    found = backlog(desk.engine, age_s=age_s)
    wanted = {
        POST_QUEUE: found.oldest_batch_s if found.batches else 0,
        INGEST_QUEUE: found.oldest_record_s if found.oldest_record_s > age_s else 0,
    }
    old = {queue: age for queue, age in wanted.items() if age and queue not in paused}
    if old:
        steps.reached(Step.FOUND)
        _ask(broker, found, old)
        steps.reached(Step.ASKED)
    for queue, oldest_s in old.items():
        if oldest_s > age_s * PATIENCE:
            _do(desk, queue, oldest_s)
    return found


def _do(desk: WorkerContext, queue: str, oldest_s: int) -> None:
    if queue == POST_QUEUE:
        log.warning("sweep_posts", oldest_s=oldest_s)
        post_some(desk)
    else:
        log.warning("sweep_ingests", oldest_s=oldest_s)
        ingest(desk)


def _ask(broker: dramatiq.Broker, found: Backlog, old: Collection[str]) -> None:
    try:
        if POST_QUEUE in old:
            broker.enqueue(post_message(found.batches))
        if INGEST_QUEUE in old:
            broker.enqueue(ingest_message())
    except (RedisError, OSError, dramatiq.errors.BrokerConnectionError) as error:
        log.warning("sweep_cannot_ask", error=type(error).__name__)
