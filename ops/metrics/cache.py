"""Parts of what is served: each read by a thread of its own, kept for a while, never for ever.

Whoever scrapes waits for a part for a bounded time and no longer, whatever hangs behind it; a
part is never read twice at once, however many scrape.
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

#: Longest time that a scrape waits for its parts, all together.
PATIENCE_S = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PartReading:
    """What came of reading a part; ``samples`` None: it could not be read."""

    samples: tuple[Sample, ...] | None
    at: float


class MetricsPart:
    """One part and how it is read.

    Args:
        name: one of ``PARTS``.
        read: reads it; may raise, and may take for ever.
        keep: what was read is not read again for so long.
        stale: what was read is told for so long where nothing newer comes; such a part is
            slow, and no scrape waits for it.
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
        self._told: PartReading | None = None
        self._reading: threading.Event | None = None

    def begin(self) -> threading.Event:
        """Have it read unless it is fresh; the event is set when there is news."""
        with self._lock:
            if self._told is not None and _age_s(self._told) < self._keep_s:
                fresh = threading.Event()
                fresh.set()
                return fresh
            if self._reading is None:
                self._reading = threading.Event()
                reader = threading.Thread(
                    target=self._run, args=(self._reading,), name=f"metrics {self.name}"
                )
                reader.daemon = True  # what hangs in somebody else's server keeps nobody here
                reader.start()
            return self._reading

    def told(self) -> PartReading:
        """What is known of it now."""
        with self._lock:
            known = self._told
            is_late = self._reading is not None
        if known is None or (is_late and _age_s(known) > self._stale_s):
            return PartReading(None, time.monotonic())
        return known

    def _run(self, done: threading.Event) -> None:
        samples: tuple[Sample, ...] | None = None
        try:
            samples = tuple(self._read())
        except TieoutError as error:
            log.warning("metrics_not_read", part=self.name, why=str(error))
        except Exception as error:  # noqa: BLE001 - a scrape is answered, whatever is the matter
            log.warning("metrics_not_read", part=self.name, error=type(error).__name__)
        with self._lock:
            self._told = PartReading(samples, time.monotonic())
            self._reading = None
        done.set()


def gathered(parts: Sequence[MetricsPart], *, patience_s: float) -> list[GaugeMetricFamily]:
    """What the parts say now. A part that cannot be read is left out, and said to be."""
    deadline = time.monotonic() + patience_s
    for each, event in [(each, each.begin()) for each in parts]:
        if not each.is_slow:
            event.wait(max(deadline - time.monotonic(), 0.0))
    about: list[Sample] = []
    found: list[GaugeMetricFamily] = []
    for each in parts:
        told = each.told()
        about += _about(each, told)
        found += [] if told.samples is None else families(PARTS[each.name], told.samples)
    return [*families(ALWAYS, about), *found]


def _about(part: MetricsPart, told: PartReading) -> Iterator[Sample]:
    is_read = told.samples is not None
    yield sample("metrics_read", part.name, value=int(is_read))
    if is_read:
        yield sample("metrics_age_seconds", part.name, value=_age_s(told))
    if part.name in SERVICES:
        yield sample("up", part.name, value=int(is_read))


def _age_s(told: PartReading) -> float:
    return time.monotonic() - told.at
