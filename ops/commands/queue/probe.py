"""Read the state of the queues, and notify workers of requeued work."""

from collections.abc import Iterable

import structlog
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from ops.context import Context
from ops.engines import postgres_server, servers, valkey_server
from ops.engines.data_directory import open_data_directory
from ops.pipeline.queue_report import QueueSnapshot
from ops.settings.model import EMBEDDED
from storage.broker.depth import QueueDepth, depths_of
from storage.broker.redis import close_broker, ingest_message, open_broker, post_message
from storage.queue.commands import INGEST_JOB, POSTING_JOB, ParkedItem
from storage.queue.state import QueueState, read_state
from storage.rights import APPLICATION_ROLE
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable
from workers.canary import QUEUES

log = structlog.get_logger()


def read_snapshot(context: Context) -> QueueSnapshot:
    """Read PostgreSQL and the broker, each on its own: if one is down, the other is still read.

    Embedded services that do not run are not started, because that would hide the problem.
    """
    down: list[str] = []
    state = depths = None
    try:
        state = _state(context)
    except Unavailable as error:
        down.append(str(error))
    try:
        depths = _depths(context)
    except Unavailable as error:
        down.append(str(error))
    return QueueSnapshot(
        state=state, depths=depths, down=tuple(down), queues=QUEUES, read_at=SystemClock().now()
    )


def notify_workers(broker_url: str, items: Iterable[ParkedItem]) -> None:
    """Notify the workers at once; if the broker is down, the sweeper finds the work."""
    jobs = {item.job for item in items}
    broker = open_broker(broker_url, [])
    try:
        if POSTING_JOB in jobs:
            broker.enqueue(post_message([]))
        if INGEST_JOB in jobs:
            broker.enqueue(ingest_message())
    except (RedisError, OSError, BrokerConnectionError) as error:
        log.warning("requeue_not_told", error=type(error).__name__)
    finally:
        close_broker(broker)


def _state(context: Context) -> QueueState:
    with engine_at(_database_url(context)) as engine:
        return read_state(engine)


def _depths(context: Context) -> dict[str, QueueDepth]:
    broker = open_broker(broker_url_of(context), [])
    try:
        return depths_of(broker, QUEUES)
    finally:
        close_broker(broker)


def _database_url(context: Context) -> str:
    url = context.settings.database.url
    if url != EMBEDDED:
        return url
    if servers.status(context.data_dir).postgres is None:
        raise Unavailable("the embedded database does not run")
    return postgres_server.url(open_data_directory(context.data_dir), role=APPLICATION_ROLE)


def broker_url_of(context: Context) -> str:
    """Where the broker is; an embedded one is not started.

    Raises:
        Unavailable: the embedded broker does not run.
    """
    url = context.settings.broker.url
    if url != EMBEDDED:
        return url
    if servers.status(context.data_dir).valkey is None:
        raise Unavailable("the embedded broker does not run")
    return valkey_server.url(open_data_directory(context.data_dir))
