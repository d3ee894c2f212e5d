"""Parts of the metrics: each is read by a thread of its own and cached for a while.

A scrape waits for its parts for a bounded time, whatever hangs behind them. A part is never
read twice at once, however many scrapes arrive.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client.core import GaugeMetricFamily

from ops.metrics.catalogue import ALWAYS, PARTS, SERVICES, Sample, families, sample
from vocabulary.build import commit, version
from vocabulary.errors import TieoutError

#: Longest time that a scrape waits for all its parts together, in seconds.
PATIENCE_S = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PartReading:
    """The result of reading a part; ``samples`` is None if it could not be read."""

    samples: tuple[Sample, ...] | None
    read_at: float


class MetricsPart:
    """One part and how it is read.

    Args:
        name: one of ``PARTS``.
        read: reads it; may raise, and may take for ever.
        keep: how long a reading is fresh; it is not read again meanwhile.
        stale: how long an old reading is served while a newer one takes its time; such a part
            is slow, and no scrape waits for it.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Iterable[Sample]],
        *,
        keep: timedelta,
        stale: timedelta | None = None,
    ) -> None:
        self.name = name
        self._read = read
        self._keep_s = keep.total_seconds()
        self._stale_s = (stale or keep).total_seconds()
        self.is_slow = stale is not None
        self._lock = threading.Lock()
        self._latest: PartReading | None = None
        self._reading: threading.Event | None = None

    def begin(self) -> threading.Event:
        """Start to read it unless it is fresh; the event is set once it is read."""
        with self._lock:
            if self._latest is not None and _age_s(self._latest) < self._keep_s:
                fresh = threading.Event()
                fresh.set()
                return fresh
            if self._reading is None:
                self._reading = threading.Event()
                reader = threading.Thread(
                    target=self._run, args=(self._reading,), name=f"metrics {self.name}"
                )
                reader.daemon = True  # a hanging server must not keep this process
                reader.start()
            return self._reading

    def latest(self) -> PartReading:
        """The latest reading that may still be served."""
        with self._lock:
            latest = self._latest
            is_late = self._reading is not None
        if latest is None or (is_late and _age_s(latest) > self._stale_s):
            return PartReading(None, time.monotonic())
        return latest

    def _run(self, is_read: threading.Event) -> None:
        samples: tuple[Sample, ...] | None = None
        try:
            samples = tuple(self._read())
        except TieoutError as error:
            log.warning("metrics_not_read", part=self.name, why=str(error))
        except Exception as error:  # noqa: BLE001 - a scrape is always answered
            log.warning("metrics_not_read", part=self.name, error=type(error).__name__)
        with self._lock:
            self._latest = PartReading(samples, time.monotonic())
            self._reading = None
        is_read.set()


def read_parts(parts: Sequence[MetricsPart], *, patience_s: float) -> list[GaugeMetricFamily]:
    """The metrics of the parts now. A part that cannot be read is left out and reported."""
    deadline = time.monotonic() + patience_s
    for part, is_read in [(part, part.begin()) for part in parts]:
        if not part.is_slow:
            is_read.wait(max(deadline - time.monotonic(), 0.0))
    about = [sample("build_info", version(), commit(), value=1)]
    metrics: list[GaugeMetricFamily] = []
    for part in parts:
        reading = part.latest()
        about += _about(part, reading)
        if reading.samples is not None:
            metrics += families(PARTS[part.name], reading.samples)
    return [*families(ALWAYS, about), *metrics]


def _about(part: MetricsPart, reading: PartReading) -> Iterator[Sample]:
    is_read = reading.samples is not None
    yield sample("metrics_read", part.name, value=int(is_read))
    if is_read:
        yield sample("metrics_age_seconds", part.name, value=_age_s(reading))
    if part.name in SERVICES:
        yield sample("up", part.name, value=int(is_read))


def _age_s(reading: PartReading) -> float:
    return time.monotonic() - reading.read_at
