"""The metrics endpoint of the scheduler, read from PostgreSQL and the broker on a scrape.

Nothing is counted in this process, so any scheduler gives the same figures. Parts that cannot
be read are left out and reported as such; a scrape is always answered.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import dramatiq
import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError

from ops.metrics.breaks import break_samples
from ops.metrics.cache import WAIT_S, MetricsPart, collect
from ops.metrics.catalogue import CATALOGUE, Sample
from ops.metrics.feeds import feed_samples
from ops.metrics.queues import depth_samples, state_samples
from ops.metrics.runs import run_samples
from ops.runtime.child_jobs import ChildJobs
from ops.settings.metrics import MetricsSettings, metrics_url
from ops.settings.model import Settings
from storage.broker.depth import depths_of
from storage.broker.redis import open_broker
from storage.engine import open_engine
from storage.queue.state import read_state
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable
from workers.canary import QUEUES

#: Longest time for one statement, in milliseconds: less than a scrape waits.
STATEMENT_MS = 4_000
#: How long samples are fresh: of cheap, ordinary and expensive parts.
SOON, LATER, RARELY = timedelta(seconds=5), timedelta(seconds=10), timedelta(minutes=5)
#: How long old resolution rates are served while new ones are computed.
STALE = timedelta(minutes=30)
#: Longest time for computing resolution rates.
EXPLAINED_WITHIN = timedelta(minutes=10)

log = structlog.get_logger()

_Reader = Callable[[], Iterable[Sample]]
_BooksSamples = Callable[[Connection, Settings, datetime], Iterator[Sample]]


class MetricsCollector(Collector):
    """Collects every part that can be read, for a registry of its own."""

    def __init__(self, parts: Sequence[MetricsPart], *, wait_s: float = WAIT_S) -> None:
        self._parts = parts
        self._wait_s = wait_s

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Collect the families of one scrape."""
        return collect(self._parts, wait_s=self._wait_s)


def serve_metrics(
    settings: MetricsSettings, parts: Sequence[MetricsPart]
) -> Callable[[], None]:
    """Serve the parts over HTTP from threads of their own; returns a function that stops it.

    Raises:
        Unavailable: the port cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(MetricsCollector(parts))
    try:
        server, thread = start_http_server(settings.port or 0, settings.host, registry)
    except OSError as error:
        place = f"metrics.port {settings.port} on {settings.host}"
        raise Unavailable(f"{place} cannot be listened on: {error.strerror}") from error
    log.info("metrics_served", url=metrics_url(settings.host, server.server_port))

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def parts_of(
    settings: Settings,
    *,
    engine: Engine,
    broker_url: str,
    clock: Clock,
    command: Sequence[str],
    child_jobs: ChildJobs,
) -> list[MetricsPart]:
    """Every part with its reader.

    Args:
        settings: the providers and the rules of breaks.
        engine: from ``open_bounded_engine``; the caller disposes of it.
        broker_url: the broker whose queues are measured.
        clock: the current time, for ages.
        command: how ``tieout`` is called with its global options.
        child_jobs: runs commands that need much memory in child processes.
    """

    def from_books(samples_of: _BooksSamples) -> _Reader:
        return lambda: _from_books(
            engine, lambda connection: samples_of(connection, settings, clock.now())
        )

    return [
        MetricsPart("database", lambda: state_samples(read_state(engine)), keep=SOON),
        MetricsPart("broker", lambda: _from_broker(broker_url), keep=SOON),
        MetricsPart("breaks", from_books(break_samples), keep=LATER),
        MetricsPart("feeds", from_books(feed_samples), keep=LATER),
        MetricsPart("runs", from_books(run_samples), keep=LATER),
        MetricsPart(
            "explained", lambda: _explained(command, child_jobs), keep=RARELY, stale=STALE
        ),
    ]


def open_bounded_engine(url: str) -> Engine:
    """An engine whose statements time out before a scrape does."""
    engine = open_engine(url, pool_size=2)

    @event.listens_for(engine, "connect")
    def bound(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {STATEMENT_MS}")
        cursor.close()
        connection.commit()

    return engine


def _from_books(
    engine: Engine, samples_of: Callable[[Connection], Iterator[Sample]]
) -> list[Sample]:
    try:
        with engine.connect() as connection:
            return list(samples_of(connection))
    except OperationalError as error:
        raise Unavailable(f"metrics: {_kind(error)}") from error


def _from_broker(url: str) -> list[Sample]:
    broker = open_broker(url, [])
    try:
        return list(depth_samples(depths_of(broker, QUEUES)))
    finally:
        _close(broker)


def _close(broker: dramatiq.Broker) -> None:
    try:
        broker.close()
    except (RedisError, OSError, dramatiq.errors.BrokerConnectionError) as error:
        log.debug("broker_not_closed", error=type(error).__name__)


def _explained(command: Sequence[str], child_jobs: ChildJobs) -> Iterator[Sample]:
    """Run the command in a process of its own, because it reads every row of two weeks."""
    done = child_jobs.run([*command, "explained", "--prometheus"], patience=EXPLAINED_WITHIN)
    if done.code:
        raise Unavailable(f"explained: {done.reason()}")
    for family in text_string_to_metric_families(done.output):
        labels = CATALOGUE[family.name].labels
        for sample in family.samples:
            labels_ = tuple(sample.labels[label] for label in labels)
            yield Sample(sample.name, labels_, sample.value)


def _kind(error: DBAPIError) -> str:
    """The kind of the error, without the server's words."""
    state = getattr(error.orig, "sqlstate", None)
    return "a statement took too long" if state == "57014" else "the database is out of reach"
