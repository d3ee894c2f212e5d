"""The governor: background work pauses between its chunks while callbacks are slow.

A thread reads the p99 of callbacks from the receivers every two seconds. While it is above the
limit, each point where the work may pause does so until it is not, at most for as long as the
work gets its least share of the time. So it always ends. If no receiver can be read, the work
goes on.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import structlog

from ops.background.latency import LatencyReader
from vocabulary.errors import Unavailable
from vocabulary.pacing import pause_by

#: Longest pause, in seconds: a transaction may be open meanwhile.
PAUSE_MAX_S = 5.0
#: Of the limit: the p99 must fall below this share of it before the work no longer pauses.
FINE_BELOW = 0.8
#: The beginning of the name of a connection that shows how long a process has paused.
PAUSED_NAME = "tieout paused"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLimit:
    """When background work pauses, and how much.

    Attributes:
        p99_s: it pauses while the p99 of callbacks is above this.
        least_share: of the time that it gets nevertheless, above 0 and up to 1.
        work: the part of background work, as metrics name it.
        receivers: where their metrics may be.
        database_url: where a connection shows how long the process paused.
        read_every_s: time between two readings of the receivers.
    """

    p99_s: float
    least_share: float
    work: str
    receivers: tuple[str, ...]
    database_url: str
    read_every_s: float = 2.0


def is_slow(p99_s: float | None, limit_s: float, *, was_slow: bool) -> bool:
    """Whether work has to pause.

    Args:
        p99_s: of the callbacks since the last reading; None: too few, or not known.
        limit_s: the limit.
        was_slow: whether it had to before.
    """
    if p99_s is None:
        return False
    return p99_s > (limit_s * FINE_BELOW if was_slow else limit_s)


def longest_pause_s(worked_s: float, least_share: float) -> float:
    """How long work may pause after so much work, so that it keeps its least share."""
    return min(PAUSE_MAX_S, worked_s * (1 / least_share - 1))


class Governor:
    """Knows whether callbacks are slow, and makes the work of this process pause if so.

    Args:
        limit: when and how much.
        read_p99_s: reads the p99 of callbacks; raises Unavailable if there is no receiver.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        limit: PauseLimit,
        *,
        read_p99_s: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._read_p99_s = read_p99_s
        self._clock = clock
        self._fine = threading.Event()
        self._fine.set()
        self._is_unknown = False
        self._resumed_at = clock()
        self._lock = threading.Lock()
        self.paused_s = 0.0

    def pause(self) -> None:
        """Pause until callbacks are fine, or the work needs its share."""
        if self._fine.is_set():
            self._resumed_at = self._clock()
            return
        with self._lock:  # threads of the work pause one after the other
            started = self._clock()
            worked_s = started - self._resumed_at
            self._fine.wait(longest_pause_s(worked_s, self._limit.least_share))
            self._resumed_at = self._clock()
            self.paused_s += self._resumed_at - started

    def read(self) -> None:
        """Read how slow callbacks are, and log what that changes."""
        try:
            p99_s = self._read_p99_s()
        except Unavailable as error:
            p99_s = None
            if not self._is_unknown:
                log.info("background_unpaced", work=self._limit.work, why=str(error))
            self._is_unknown = True
        else:
            self._is_unknown = False
        was_slow = not self._fine.is_set()
        slow = is_slow(p99_s, self._limit.p99_s, was_slow=was_slow)
        if slow and not was_slow:
            self._fine.clear()
            log.warning("background_slowed", **self._figures(p99_s))
        elif was_slow and not slow:
            self._fine.set()
            log.info("background_resumed", **self._figures(p99_s))

    def _figures(self, p99_s: float | None) -> dict[str, object]:
        return {
            "work": self._limit.work,
            "p99_ms": None if p99_s is None else round(p99_s * 1000, 1),
            "limit_ms": round(self._limit.p99_s * 1000, 1),
            "paused_s": round(self.paused_s, 1),
        }


def pace(limit: PauseLimit) -> None:
    """Let the work of this process pause by the limit until the process ends."""
    governor = Governor(limit, read_p99_s=LatencyReader(limit.receivers).p99_s)
    pause_by(governor.pause)
    threading.Thread(
        target=_keep_reading, args=(governor, limit), name="governor", daemon=True
    ).start()


def _keep_reading(governor: Governor, limit: PauseLimit) -> None:
    shown = _PausesShown(limit)
    while True:
        governor.read()
        shown.show(governor.paused_s)
        time.sleep(limit.read_every_s)


class _PausesShown:
    """A connection whose name tells metrics how long this process has paused so far."""

    def __init__(self, limit: PauseLimit) -> None:
        self._limit = limit
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._shown_s = 0.0

    def show(self, paused_s: float) -> None:
        """Show it if it changed; a process that never pauses needs no connection."""
        if paused_s == self._shown_s:
            return
        with suppress(psycopg.Error):
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._limit.database_url, autocommit=True)
            name = f"{PAUSED_NAME} {self._limit.work} {paused_s:.1f}"
            self._connection.execute("SELECT set_config('application_name', %s, false)", [name])
            self._shown_s = paused_s
