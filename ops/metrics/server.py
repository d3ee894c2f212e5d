"""The metrics server of the scheduler, which reads PostgreSQL and the broker on request.

Only the figures of the process itself are counted in it, so any scheduler serves the same,
however long it runs. What cannot be read is left out and reported; a scrape is always answered.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError

from ops.background.priorities import priority_of
from ops.metrics.background import background_samples
from ops.metrics.backups import backup_samples
from ops.metrics.breaks import break_samples
from ops.metrics.cache import PATIENCE_S, MetricsPart, read_parts
from ops.metrics.catalogue import Sample
from ops.metrics.explained import read_explained
from ops.metrics.feeds import feed_samples
from ops.metrics.notifications import notification_samples
from ops.metrics.proofs import proof_samples
from ops.metrics.queues import depth_samples, state_samples
from ops.metrics.runs import run_samples
from ops.metrics.sizes import size_samples
from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import Settings
from ops.settings.sections.metrics import MetricsSettings, metrics_url
from ops.work import Work
from storage.broker.depth import depths_of
from storage.broker.redis import close_broker, open_broker
from storage.engine import open_engine
from storage.queue.state import read_state
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable
from workers.canary import QUEUES

#: Longest time for one statement, in milliseconds: less than a scrape waits.
STATEMENT_MS = 4_000
#: How long a part is fresh: cheap ones shorter than expensive ones.
SOON, LATER = timedelta(seconds=5), timedelta(seconds=10)
SELDOM, RARELY = timedelta(minutes=1), timedelta(minutes=5)
#: How long old resolution rates are served while new ones take their time.
STALE = timedelta(minutes=30)
#: Longest time for reading the resolution rates.
EXPLAINED_TIMEOUT = timedelta(minutes=10)

log = structlog.get_logger()


class MetricsCollector(Collector):
    """The parts of the metrics as a collector."""

    def __init__(self, parts: Sequence[MetricsPart], *, patience_s: float = PATIENCE_S) -> None:
        self._parts = parts
        self._patience_s = patience_s

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called by each scrape."""
        return read_parts(self._parts, patience_s=self._patience_s)


def serve_metrics(
    settings: MetricsSettings, parts: Sequence[MetricsPart]
) -> Callable[[], None]:
    """Serve the parts over HTTP, from threads of their own; return a function that stops it.

    Raises:
        Unavailable: the port cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(MetricsCollector(parts))
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(settings.port or 0, settings.host, registry)
    except OSError as error:
        address = f"metrics.port {settings.port} on {settings.host}"
        raise Unavailable(f"{address} cannot be listened on: {error.strerror}") from error
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
    database_url: str,
    child_jobs: ChildJobs,
) -> list[MetricsPart]:
    """Every part with its reader.

    Args:
        settings: the providers and the rules of breaks.
        engine: one of ``open_bounded_engine``; the caller disposes it.
        broker_url: whose queues are read.
        clock: decides what is late.
        database_url: whose rows a child process reads.
        child_jobs: reads what needs much memory, in a child process.
    """
    zones = {entry.slug: entry.timezone for entry in settings.providers}

    def of_books(read: Callable[[Connection, Settings, datetime], Iterator[Sample]]) -> _Reader:
        return lambda: _from_books(engine, lambda books: read(books, settings, clock.now()))

    return [
        MetricsPart("database", lambda: state_samples(read_state(engine)), keep=SOON),
        MetricsPart("broker", lambda: _from_broker(broker_url), keep=SOON),
        MetricsPart("breaks", of_books(break_samples), keep=LATER),
        MetricsPart("feeds", of_books(feed_samples), keep=LATER),
        MetricsPart("runs", of_books(run_samples), keep=LATER),
        MetricsPart("proofs", of_books(proof_samples), keep=LATER),
        MetricsPart("sizes", of_books(size_samples), keep=SELDOM),
        MetricsPart("backup", of_books(backup_samples), keep=RARELY, stale=STALE),
        MetricsPart("background", of_books(background_samples), keep=SOON),
        MetricsPart("notifications", of_books(notification_samples), keep=LATER),
        MetricsPart(
            "explained",
            lambda: child_jobs.call(
                read_explained,
                database_url,
                zones,
                timeout=EXPLAINED_TIMEOUT,
                priority=priority_of(settings, Work.REPORTS, database_url),
            ),
            keep=RARELY,
            stale=STALE,
        ),
    ]


_Reader = Callable[[], Iterable[Sample]]


def open_bounded_engine(url: str) -> Engine:
    """Open an engine whose statements the server cancels before a scrape gives up."""
    engine = open_engine(url, pool_size=2)

    @event.listens_for(engine, "connect")
    def bound(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {STATEMENT_MS}")
        cursor.close()
        connection.commit()

    return engine


def _from_books(engine: Engine, read: Callable[[Connection], Iterator[Sample]]) -> list[Sample]:
    try:
        with engine.connect() as connection:
            return list(read(connection))
    except OperationalError as error:
        raise Unavailable(f"metrics: {_reason(error)}") from error


def _from_broker(url: str) -> list[Sample]:
    broker = open_broker(url, [])
    try:
        return list(depth_samples(depths_of(broker, QUEUES)))
    finally:
        close_broker(broker)


def _reason(error: DBAPIError) -> str:
    """Why a statement failed, without the server's message."""
    state = getattr(error.orig, "sqlstate", None)
    return "a statement took too long" if state == "57014" else "the database is out of reach"
