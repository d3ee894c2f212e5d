"""Log lines for events that strangers, or an outage, can cause by the thousand.

The first event of a kind is logged at once; then one line every ten seconds says how many more
came. A kind is everything about the event, so each source address has its own lines, as long as
there are not too many of them.
"""

import asyncio
from collections.abc import Mapping

import structlog

#: Seconds between two lines about one kind.
EVERY_S = 10.0
#: Kinds that are told apart; of all others, only the names of their events are.
KINDS_MAX = 100

log = structlog.get_logger()

_Kind = tuple[str, str, tuple[tuple[str, str], ...]]


class SampledLog:
    """Logs the first event of each kind, then counts.

    Args:
        every_s: seconds between two lines about one kind.
    """

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._more: dict[_Kind, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def info(self, event: str, **labels: str) -> None:
        """Note an event that is nothing wrong of ours."""
        self._note(("info", event, tuple(labels.items())))

    def warning(self, event: str, **labels: str) -> None:
        """Note an event that somebody should look at."""
        self._note(("warning", event, tuple(labels.items())))

    def error(self, event: str, **labels: str) -> None:
        """Note a failure of ours."""
        self._note(("error", event, tuple(labels.items())))

    def flush(self) -> None:
        """Write what was counted, and forget the kinds that did not come again."""
        self._timer = None
        counted, self._more = self._more, {}
        for kind, more in counted.items():
            if more:
                self._more[kind] = 0
                _write(kind, {"more": more, "within_s": self._every_s})
        if self._more:
            self._arm()

    def _note(self, kind: _Kind) -> None:
        if kind not in self._more and len(self._more) >= KINDS_MAX:
            kind = (kind[0], kind[1], (("others", "yes"),))
        if kind in self._more:
            self._more[kind] += 1
            return
        self._more[kind] = 0
        _write(kind, {})
        self._arm()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self.flush)


def _write(kind: _Kind, counts: Mapping[str, float]) -> None:
    level, event, labels = kind
    getattr(log, level)(event, **dict(labels), **counts)
