"""The figures of all receivers together, from the metrics that each of them serves.

A receiver counts since it started. Rates and latencies of the last minute need two readings, so
the reader keeps those of the last minute; a receiver that restarted begins again at zero.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families

from console.pipeline import (
    Part,
    ProviderTraffic,
    ReceiverFigures,
    ReceiverProcess,
    Refusals,
)
from ops.background.http import get
from ops.background.latency import quantile_of
from ops.settings.model import Settings
from ops.settings.receiver_urls import receiver_urls
from vocabulary.clock import Clock, SystemClock
from vocabulary.outcomes import Verdict

#: The time that rates are of, in seconds.
OVER_S = 60.0
#: Shortest time between two readings that a rate is made of, in seconds.
_APART_S = 1.0
_ANSWERED = "tieout_callbacks_total"
_BUCKET = "tieout_callback_seconds_bucket"
_PENDING = "tieout_callbacks_pending"
_STARTED = "process_start_time_seconds"
#: By how many seconds the clocks of this host and of a receiver's may differ.
_CLOCKS_DIFFER_S = 5.0
#: Verdicts of callbacks that were taken: everything else is a refusal.
TAKEN = frozenset({Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED, Verdict.RECORDED})

#: A metric's name and its sorted labels.
Key = tuple[str, tuple[tuple[str, str], ...]]
Values = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What every receiver that answered has counted, by its URL.

    Attributes:
        at, wall_at: when, in monotonic seconds and since the epoch.
    """

    at: float
    wall_at: float
    values: Mapping[str, Values]


class ReceiverReader:
    """Reads the receivers at the given addresses; keeps what rates need.

    Args:
        urls: where metrics and health are served.
        is_exact: whether somebody must answer at each address; else one is enough.
        note: what these addresses cannot show.
        clock: monotonic seconds.
        wall: this host's.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        is_exact: bool,
        note: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall: Clock | None = None,
    ) -> None:
        self._urls = tuple(urls)
        self._is_exact = is_exact
        self._note = note
        self._clock, self._wall = clock, wall or SystemClock()
        self._readings: deque[_Reading] = deque()
        self._lock = threading.Lock()

    def read(self) -> Part[ReceiverFigures]:
        """The figures now, or why nobody could be asked."""
        with self._lock, ThreadPoolExecutor(min(8, len(self._urls))) as threads:
            answers = list(threads.map(_ask, self._urls))
            processes = tuple(
                process for process, _ in answers if process.is_answering or self._is_exact
            )
            values = {process.url: found for process, found in answers if found is not None}
            if not values:
                whys = {process.why for process, _ in answers}
                addresses = self._urls[0] if len(self._urls) == 1 else f"{self._urls[0]} and on"
                return Part(why=f"none answers at {addresses} ({', '.join(sorted(whys))})")
            reading = _Reading(self._clock(), self._wall.now().timestamp(), values)
            figures = _figures(processes, self._base(reading), reading, self._note)
            self._keep(reading)
        return Part(value=figures)

    def _base(self, reading: _Reading) -> _Reading | None:
        """The oldest reading of the last minute, once it is old enough."""
        while self._readings and reading.at - self._readings[0].at > OVER_S:
            self._readings.popleft()
        if not self._readings or reading.at - self._readings[0].at < _APART_S:
            return None
        return self._readings[0]

    def _keep(self, reading: _Reading) -> None:
        if not self._readings or reading.at - self._readings[-1].at >= _APART_S:
            self._readings.append(reading)


def receiver_reader(settings: Settings) -> ReceiverReader:
    """The reader of the receivers that the settings name, or else of those on this machine."""
    urls = receiver_urls(settings)
    if settings.console.receivers:
        return ReceiverReader(urls, is_exact=True)
    if settings.receiver.ops_port is None:
        return ReceiverReader(
            urls,
            is_exact=True,
            note="One receiver answered. Others that share the port are not counted: set "
            "receiver.ops_port, and each has a port of its own.",
        )
    return ReceiverReader(urls, is_exact=False)


def _ask(url: str) -> tuple[ReceiverProcess, Values | None]:
    """One receiver's health and metrics; None if it serves no metrics."""
    try:
        status, _ = get(url, "/readyz")
        metrics_status, body = get(url, "/metrics")
    except (OSError, HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return ReceiverProcess(url=url, is_answering=False, why=why.lower()), None
    if metrics_status != 200:
        why = f"no metrics there, status {metrics_status}"
        return ReceiverProcess(url=url, is_answering=False, why=why), None
    why = "" if status == 200 else "it is not ready"
    return ReceiverProcess(url=url, is_answering=True, why=why), _values_of(body)


def _values_of(exposition: str) -> Values:
    """What is used of a receiver's metrics; nothing of a text that is none."""
    try:
        families = list(text_string_to_metric_families(exposition))
    except ValueError:
        return {}
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if sample.name in {_ANSWERED, _BUCKET, _PENDING, _STARTED}
    }


def _figures(
    processes: tuple[ReceiverProcess, ...],
    base: _Reading | None,
    now: _Reading,
    note: str,
) -> ReceiverFigures:
    totals = _added(now.values.values())
    recent = totals if base is None else _since(base, now)
    over_s = None if base is None else now.at - base.at
    return ReceiverFigures(
        processes=processes,
        over=None if over_s is None else timedelta(seconds=over_s),
        traffic=tuple(_traffic(totals, recent, over_s)),
        refusals=tuple(_refusals(totals, None if base is None else recent)),
        pending=int(totals.get((_PENDING, ()), 0)),
        note=note,
    )


def _added(values: Iterable[Values]) -> Values:
    added: defaultdict[Key, float] = defaultdict(float)
    for counted in values:
        for key, value in counted.items():
            added[key] += value
    return added


def _since(base: _Reading, now: _Reading) -> Values:
    """What was counted between two readings; a receiver that restarted counts from zero.

    What a receiver counted that ran and did not answer the first time is of nobody knows when.
    """
    differences = []
    for url, values in now.values.items():
        before = base.values.get(url, {})
        age_s = now.wall_at - values.get((_STARTED, ()), now.wall_at)
        if not before and age_s > now.at - base.at + _CLOCKS_DIFFER_S:
            continue
        is_restarted = any(
            value < before.get(key, 0.0) for key, value in values.items() if key[0] != _PENDING
        )
        differences.append(
            values
            if is_restarted
            else {key: value - before.get(key, 0.0) for key, value in values.items()}
        )
    return _added(differences)


def _traffic(
    totals: Values,
    recent: Values,
    over_s: float | None,
) -> Iterable[ProviderTraffic]:
    for provider in sorted({dict(labels)["provider"] for name, labels in totals if labels}):
        answered = _sum_of(recent, provider)
        yield ProviderTraffic(
            provider=provider,
            total=_sum_of(totals, provider),
            per_second=None if over_s is None else answered / over_s,
            p50_s=_quantile(recent, provider, 0.50),
            p99_s=_quantile(recent, provider, 0.99),
        )


def _sum_of(counts: Values, provider: str) -> int:
    return int(
        sum(
            value
            for (name, labels), value in counts.items()
            if name == _ANSWERED and dict(labels)["provider"] == provider
        )
    )


def _refusals(
    totals: Values,
    recent: Values | None,
) -> Iterable[Refusals]:
    counts: dict[tuple[str, str], list[float]] = {}
    for key, value in totals.items():
        labels = dict(key[1])
        if key[0] != _ANSWERED or labels["verdict"] in TAKEN or not value:
            continue
        sums = counts.setdefault((labels["provider"], labels["verdict"]), [0.0, 0.0])
        sums[0] += value
        sums[1] += 0.0 if recent is None else recent.get(key, 0.0)
    for (provider, reason), (total, lately) in sorted(counts.items()):
        yield Refusals(
            provider=provider,
            reason=reason,
            total=int(total),
            recent=None if recent is None else int(lately),
        )


def _quantile(counts: Values, provider: str, share: float) -> float | None:
    """A quantile of how long the provider's callbacks took, from cumulative buckets."""
    buckets = {
        float(labels_["le"]): value
        for (name, labels), value in counts.items()
        if name == _BUCKET and (labels_ := dict(labels))["provider"] == provider
    }
    return quantile_of(buckets, share)
