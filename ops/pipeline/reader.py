"""Reads the whole pipeline for the console: every part on its own, so that one can be missing.

The same functions serve ``tieout queue status``, ``tieout feed status``, ``tieout notify
status`` and the metrics. A reading is shared by everybody who looks within two seconds.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from console.pipeline import (
    DatabaseSize,
    Depth,
    FeedLine,
    Part,
    Pipeline,
    Proofs,
    TableSize,
    Versions,
)
from feeds.findings import Severity
from ledger.seal.seal import read_seal_status
from ops.metrics.feeds import feed_samples
from ops.pipeline.disk import DiskReader
from ops.pipeline.queue_report import QueueLimits, QueueSnapshot, findings
from ops.pipeline.receivers import ReceiverReader, receiver_reader
from ops.pipeline.sentences import other_findings
from ops.settings.model import Settings
from reports.notifications.outbox import RuleStatus, status
from storage.broker.depth import QueueDepth, depths_of
from storage.broker.redis import close_broker, open_broker
from storage.limit_versions import version_in_force
from storage.proofs import last_proofs, standing_findings
from storage.queue.state import read_state
from storage.schema_version import newest_revision, revision_in
from storage.table_sizes import read_sizes
from storage.transactions import reading
from vocabulary.build import version
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable
from workers.canary import QUEUES

#: How long one reading serves everybody, in seconds; sizes and feeds change slowly.
FRESH_S, FRESH_RARELY_S = 2.0, 60.0
#: What still counts as well, as for ``tieout queue status``.
LIMITS = QueueLimits(oldest_s=60.0, canary_s=60.0, worker_s=60.0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """Where everything is read."""

    settings: Settings
    engine: Engine
    broker_url: Callable[[], str]
    clock: Clock
    receivers: ReceiverReader
    disk: DiskReader


class PipelineReader:
    """Reads the pipeline; one reading serves everybody who asks meanwhile.

    Args:
        settings: providers, and where receivers are.
        engine: the database, as the role that only reads.
        broker_url: where the broker is; raises Unavailable if an embedded one does not run.
        clock: decides what is late.
        disk: reads the disk of the database.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        broker_url: Callable[[], str],
        clock: Clock,
        disk: DiskReader,
    ) -> None:
        sources = _Sources(
            settings=settings,
            engine=engine,
            broker_url=broker_url,
            clock=clock,
            receivers=receiver_reader(settings),
            disk=disk,
        )
        self._sources = sources
        self._slow = _Shared(
            lambda: _SlowParts.read(sources), FRESH_RARELY_S, lambda parts: parts.is_whole
        )
        self._whole = _Shared(self._read, FRESH_S, lambda _: True)

    def __call__(self) -> Pipeline:
        """The pipeline, at most two seconds old."""
        return self._whole.get()

    def _read(self) -> Pipeline:
        sources = self._sources
        state = _part(lambda: read_state(sources.engine))
        depths = _part(lambda: _depths(sources.broker_url()))
        receivers = sources.receivers.read()
        notifications = _part(lambda: _notifications(sources.engine))
        slow = self._slow.get()
        now = sources.clock.now()
        snapshot = QueueSnapshot(
            state=state.value,
            depths=depths.value,
            down=tuple(part.why for part in (state, depths) if part.value is None),
            queues=QUEUES,
            read_at=now,
        )
        pipeline = Pipeline(
            read_at=now,
            findings=(),
            queues=QUEUES,
            state=state,
            depths=_shown(depths, snapshot),
            receivers=receivers,
            feeds=slow.feeds,
            notifications=notifications,
            size=slow.size,
            disk=sources.disk.read(),
            proofs=slow.proofs,
            versions=slow.versions,
        )
        sentences = (*findings(snapshot, LIMITS), *other_findings(pipeline))
        return replace(pipeline, findings=sentences)


class _Shared(Generic[T]):
    """A value that is read at most once in a while, by one thread at a time.

    Args:
        read: reads it.
        fresh_s: how long a value that ``is_whole`` is fresh; another one, ``FRESH_S``.
    """

    def __init__(
        self, read: Callable[[], T], fresh_s: float, is_whole: Callable[[T], bool]
    ) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._is_whole = is_whole
        self._lock = threading.Lock()
        self._latest: tuple[float, T] | None = None

    def get(self) -> T:
        """The latest value; read anew unless it is fresh or another thread reads it now."""
        latest = self._latest
        if not self._lock.acquire(blocking=latest is None) and latest is not None:
            return latest[1]  # another thread reads it now, and may have to wait
        try:
            if self._latest is None or time.monotonic() >= self._latest[0]:
                value = self._read()
                fresh_s = self._fresh_s if self._is_whole(value) else FRESH_S
                self._latest = (time.monotonic() + fresh_s, value)
            return self._latest[1]
        finally:
            self._lock.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _SlowParts:
    """Parts that change slowly and cost more."""

    feeds: Part[tuple[FeedLine, ...]]
    size: Part[DatabaseSize]
    proofs: Part[Proofs]
    versions: Part[Versions]

    @classmethod
    def read(cls, sources: _Sources) -> "_SlowParts":
        """Read them all."""
        return cls(
            feeds=_part(lambda: _feeds(sources)),
            size=_part(lambda: _size(sources)),
            proofs=_part(lambda: _proofs(sources)),
            versions=_part(lambda: _versions(sources)),
        )

    @property
    def is_whole(self) -> bool:
        """Whether everything could be read."""
        parts = (self.feeds, self.size, self.proofs, self.versions)
        return all(part.value is not None for part in parts)


def _part(read: Callable[[], T]) -> Part[T]:
    """A part, or why it cannot be read."""
    try:
        return Part(value=read())
    except Unavailable as error:
        return Part(why=str(error))
    except SQLAlchemyError as error:
        return Part(why=f"the database refused it: {type(error).__name__}")


def _depths(broker_url: str) -> dict[str, QueueDepth]:
    broker = open_broker(broker_url, [])
    try:
        return depths_of(broker, QUEUES)
    finally:
        close_broker(broker)


def _shown(
    depths: Part[dict[str, QueueDepth]], snapshot: QueueSnapshot
) -> Part[Mapping[str, Depth]]:
    if depths.value is None:
        return Part(why=depths.why)
    return Part(
        value={
            queue: Depth(
                waiting=depth.waiting,
                in_flight=depth.in_flight,
                delayed=depth.delayed,
                dead_letters=depth.dead_letters,
                oldest_s=snapshot.oldest_s(queue),
            )
            for queue, depth in depths.value.items()
        }
    )


def _notifications(engine: Engine) -> tuple[RuleStatus, ...]:
    with reading(engine, "") as connection:
        return tuple(status(connection))


def _feeds(sources: _Sources) -> tuple[FeedLine, ...]:
    """How far each feed reaches, from the same samples as the metrics."""
    with reading(sources.engine, "") as connection:
        samples = list(feed_samples(connection, sources.settings, sources.clock.now()))
    values: dict[str, dict[tuple[str, ...], float]] = {}
    for sample in samples:
        values.setdefault(sample.name, {})[sample.labels] = sample.value
    read = values.get("tieout_feed_read_age_seconds", {})
    stale = values.get("tieout_feed_stale", {})
    counts = values.get("tieout_feed_findings", {})
    late = values.get("tieout_feed_late_seconds", {})
    lines = [
        FeedLine(
            provider=provider,
            feed=feed,
            late=_duration(late.get((provider, feed))),
            read=_duration(read.get((provider, feed))),
            errors=_count(counts, provider, feed, Severity.ERROR),
            warnings=_count(counts, provider, feed, Severity.WARNING),
            is_stale=bool(stale.get((provider,), 0)),
        )
        for provider, feed in _named_feeds(sources.settings, late, stale, counts)
    ]
    return tuple(lines)


def _named_feeds(
    settings: Settings,
    late: Mapping[tuple[str, ...], float],
    stale: Mapping[tuple[str, ...], float],
    findings: Mapping[tuple[str, ...], float],
) -> list[tuple[str, str]]:
    """Feeds that were read or have findings; "" of a provider that should have one."""
    slugs = {entry.slug for entry in settings.providers}
    named = {(provider, feed) for provider, feed in late}
    named |= {(labels[0], labels[1]) for labels in findings if labels[0] in slugs}
    read = {provider for provider, _ in late}
    named |= {(slug, "") for (slug,), is_late in stale.items() if is_late and slug not in read}
    return sorted(named)


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _count(
    counts: Mapping[tuple[str, ...], float], provider: str, feed: str, severity: Severity
) -> int:
    return int(
        sum(
            count
            for labels, count in counts.items()
            if labels[:2] == (provider, feed) and labels[3] == severity
        )
    )


def _size(sources: _Sources) -> DatabaseSize:
    with reading(sources.engine, "") as connection:
        sizes = read_sizes(connection, sources.clock.now().date())
    tables = sorted(sizes.tables.items(), key=lambda item: (-item[1], item[0]))
    return DatabaseSize(
        size=sizes.database,
        measured_on=sizes.measured_on,
        tables=tuple(
            TableSize(name=name, size=size, before=sizes.before.get(name))
            for name, size in tables
        ),
    )


def _proofs(sources: _Sources) -> Proofs:
    with reading(sources.engine, "") as connection:
        sealed = read_seal_status(connection)
        last, standing = last_proofs(connection), standing_findings(connection)
    return Proofs(
        sealed_day=sealed.day,
        sealed_at=sealed.sealed_at,
        unsealed_days=sealed.unsealed_days,
        last={kind.value: run for kind, run in last.items()},
        standing={kind.value: run for kind, run in standing.items()},
    )


def _versions(sources: _Sources) -> Versions:
    with reading(sources.engine, "") as connection:
        schema = revision_in(connection)
    limits = version_in_force(sources.engine)
    return Versions(
        code=version(),
        schema=schema,
        known_schema=newest_revision(),
        limits=None if limits is None else limits.version_id,
    )
