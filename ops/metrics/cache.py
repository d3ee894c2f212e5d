"""A cache of metrics parts: a thread reads each part, and its samples expire.

A scrape waits for the parts for a bounded time, even if a server hangs. Concurrent scrapes
share one reading of a part.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client.core import GaugeMetricFamily

from ops.metrics.catalogue import ALWAYS, PARTS, SERVICES, Sample, families, sample
from vocabulary.errors import TieoutError

#: Longest time that a scrape waits for all its parts together.
WAIT_S = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PartReading:
    """The samples of a part and when they were read; None if the part could not be read."""

    samples: tuple[Sample, ...] | None
    at: float


class MetricsPart:
    """One part and how it is read.

    Args:
        name: one of ``PARTS``.
        read: reads it; may raise, and may never return.
        keep: how long samples are fresh and not read again.
        stale: how long samples are still served while newer ones take their time; no scrape
            waits for a part that has this.
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
        """Start reading unless the samples are fresh; the event is set when it ends."""
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
                reader.daemon = True  # a server that hangs must not keep this process alive
                reader.start()
            return self._reading

    def latest(self) -> PartReading:
        """The latest reading, without samples once they are stale."""
        with self._lock:
            latest = self._latest
            is_late = self._reading is not None
        if latest is None or (is_late and _age_s(latest) > self._stale_s):
            return PartReading(None, time.monotonic())
        return latest

    def _run(self, done: threading.Event) -> None:
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
        done.set()


def collect(parts: Sequence[MetricsPart], *, wait_s: float) -> list[GaugeMetricFamily]:
    """The families of all parts that could be read, and of which parts could not."""
    deadline = time.monotonic() + wait_s
    for part, event in [(part, part.begin()) for part in parts]:
        if not part.is_slow:
            event.wait(max(deadline - time.monotonic(), 0.0))
    about: list[Sample] = []
    collected: list[GaugeMetricFamily] = []
    for part in parts:
        reading = part.latest()
        about += _about(part, reading)
        collected += (
            [] if reading.samples is None else families(PARTS[part.name], reading.samples)
        )
    return [*families(ALWAYS, about), *collected]


def _about(part: MetricsPart, reading: PartReading) -> Iterator[Sample]:
    is_read = reading.samples is not None
    yield sample("metrics_read", part.name, value=int(is_read))
    if is_read:
        yield sample("metrics_age_seconds", part.name, value=_age_s(reading))
    if part.name in SERVICES:
        yield sample("up", part.name, value=int(is_read))


def _age_s(reading: PartReading) -> float:
    return time.monotonic() - reading.at
