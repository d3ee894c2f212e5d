"""What the pages of operations show, as values: ``ops.pipeline`` reads them.

A part that could not be read says why. It is never empty or zero instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from reports.notifications.outbox import RuleStatus
from storage.proofs import ProofRun
from storage.queue.state import QueueState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """One part of the pipeline: its value, or why it cannot be seen."""

    value: T | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The messages of a queue in the broker; None: the broker does not report it."""

    waiting: int
    in_flight: int | None
    delayed: int
    dead_letters: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverProcess:
    """One receiver, as its health says it.

    Attributes:
        url: where its metrics are.
        why: why it is not ready; empty: it is.
    """

    url: str
    is_answering: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraffic:
    """The callbacks of a provider, of all receivers together.

    Attributes:
        total: answered since the receivers started.
        per_second: within ``ReceiverFigures.over``; None: not known before a second reading.
        p50_s, p99_s: how long answers took, from the histogram; infinite: longer than its
            last bucket; None: there was none.
    """

    provider: str
    total: int
    per_second: float | None
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The callbacks of a provider that were refused for one reason.

    Attributes:
        recent: within ``ReceiverFigures.over``; None: not known before a second reading.
    """

    provider: str
    reason: str
    total: int
    recent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverFigures:
    """What the receivers count.

    Attributes:
        over: the time that rates and latencies are of; None: since the receivers started.
        note: what these figures leave out; empty: nothing.
    """

    processes: tuple[ReceiverProcess, ...]
    over: timedelta | None
    traffic: tuple[ProviderTraffic, ...]
    refusals: tuple[Refusals, ...]
    pending: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """How far one feed reaches; ``is_stale``: later than its setting allows.

    Attributes:
        feed: its name; empty: of a provider that should have delivered something and never did.
        late: None: nothing of it was ever taken in.
        read: since when nothing was; None: nothing ever was.
    """

    provider: str
    feed: str
    late: timedelta | None
    read: timedelta | None
    errors: int
    warnings: int
    is_stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """The bytes of a table with its indexes; ``before``: on the day that growth counts from."""

    name: str
    size: int
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSize:
    """How large the database is.

    Attributes:
        measured_on: the day that growth counts from; None: no earlier day was measured.
        tables: the largest first.
        before: the bytes of all tables on that day.
    """

    size: int
    measured_on: date | None
    tables: tuple[TableSize, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system, in bytes."""

    path: str
    size: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """The newest seal, and the last proofs by kind; a kind that never ran is missing.

    Attributes:
        unsealed_days: days that are over and have batches, and no seal.
        standing: the last proof of a kind that found something which no later one answers.
    """

    sealed_day: date | None
    sealed_at: datetime | None
    unsealed_days: int
    last: Mapping[str, ProofRun]
    standing: Mapping[str, ProofRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What runs: the versions of code, schema and confirmed limits."""

    code: str
    schema: str
    known_schema: str
    limits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The pipeline at one instant.

    Attributes:
        findings: a sentence about everything that a person has to look at.
        unseen: a sentence about every part that could not be read.
    """

    read_at: datetime
    findings: tuple[str, ...]
    queues: tuple[str, ...]
    state: Part[QueueState]
    depths: Part[Mapping[str, Depth]]
    receivers: Part[ReceiverFigures]
    feeds: Part[tuple[FeedLine, ...]]
    notifications: Part[tuple[RuleStatus, ...]]
    size: Part[DatabaseSize]
    disk: Part[Disk]
    proofs: Part[Proofs]
    versions: Part[Versions]

    @property
    def unseen(self) -> tuple[str, ...]:
        """Why each part that is missing could not be read."""
        return tuple(f"{name}: {part.why}" for name, part in self._missing().items())

    @property
    def unseen_beside_findings(self) -> tuple[str, ...]:
        """Of ``unseen``, what no finding says already."""
        return tuple(
            f"{name}: {part.why}"
            for name, part in self._missing().items()
            if not any(part.why in finding for finding in self.findings)
        )

    def _missing(self) -> dict[str, Part[Any]]:
        """The parts that could not be read, by what they are called in sentences."""
        named: dict[str, Part[Any]] = {
            "queues and processes": self.state,
            "messages in the broker": self.depths,
            "receivers": self.receivers,
            "feeds": self.feeds,
            "notifications": self.notifications,
            "the size of the database": self.size,
            "proofs": self.proofs,
            "versions": self.versions,
        }
        return {name: part for name, part in named.items() if part.value is None}
