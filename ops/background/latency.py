"""How long callbacks take at p99, from the histograms that receivers serve as metrics."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException

from ops.background.http import get
from vocabulary.errors import Unavailable

#: Fewer callbacks between two readings do not say how slow the slowest of a hundred is.
CALLBACKS_MIN = 20

_BUCKET = re.compile(
    r'^tieout_callback_seconds_bucket\{[^}]*\ble="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE
)
_STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)

#: Callbacks by the upper bound of their bucket, in seconds; each includes those below.
Buckets = Mapping[float, float]


@dataclass(slots=True)
class LatencyReader:
    """Reads receivers in turn; each reading is about the callbacks since the one before.

    Attributes:
        urls: where receivers may serve metrics; one that answers is enough.
    """

    urls: Sequence[str]
    _before: dict[tuple[str, str], Buckets] = field(default_factory=dict)

    def p99_s(self) -> float | None:
        """The p99 since the last call, in seconds; None: not known, or too few callbacks.

        Raises:
            Unavailable: no receiver answers with metrics.
        """
        counted: dict[float, float] = {}
        is_read = False
        for url in self.urls:
            text = _metrics_at(url)
            if text is None:
                continue
            is_read = True
            # Receivers may share an address: the start tells which of them answered.
            started = _STARTED.search(text)
            process = (url, started[1] if started else "")
            now, before = buckets_in(text), self._before.get(process)
            self._before[process] = now
            for bound, count in now.items() if before is not None else ():
                assert before is not None
                counted[bound] = counted.get(bound, 0.0) + count - before.get(bound, 0.0)
        if not is_read:
            raise Unavailable(f"no receiver serves metrics at {', '.join(self.urls[:3])}")
        if counted.get(math.inf, 0.0) < CALLBACKS_MIN:
            return None
        return quantile_of(counted, 0.99)


def buckets_in(exposition: str) -> Buckets:
    """The callbacks of all providers by bucket, from a text in Prometheus' format."""
    counts: dict[float, float] = {}
    for bound, count in _BUCKET.findall(exposition):
        upper = float(bound)
        counts[upper] = counts.get(upper, 0.0) + float(count)
    return counts


def quantile_of(buckets: Buckets, share: float) -> float | None:
    """A quantile, interpolated within its bucket; infinite: beyond the last one.

    None: nothing was counted.
    """
    ordered = sorted(buckets.items())
    if not ordered or ordered[-1][1] <= 0:
        return None
    wanted = share * ordered[-1][1]
    lower, below = 0.0, 0.0
    for upper, count in ordered:
        if count >= wanted:
            if math.isinf(upper):
                return math.inf
            inside = count - below
            return lower + (upper - lower) * ((wanted - below) / inside if inside else 1.0)
        lower, below = upper, count
    return math.inf


def _metrics_at(url: str) -> str | None:
    try:
        status, body = get(url, "/metrics")
    except (OSError, HTTPException):
        return None
    return body if status == 200 else None
