"""Log records of Dramatiq that an outage repeats for as long as it lasts.

A consumer that loses the broker logs that every few seconds, often with a traceback, and each
worker has several. The first record of a kind is written, without the traceback; after that one
every ten seconds says how many were left out.
"""

import logging
import time
from collections.abc import Callable

from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

#: Seconds between two records of one kind.
EVERY_S = 10.0
#: Begins what Dramatiq says whenever it starts a consumer again.
_RESTART = "Restarting consumer"

Kind = tuple[str, str]


class OutageFilter(logging.Filter):
    """Lets the first record of an outage through, then one every while with a count.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[Kind, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record; one that tells of no outage always is."""
        name = _outage_of(record)
        if name is None:
            return True
        kind, now = (record.name, name), self._clock()
        written_at, left_out = self._kinds.get(kind, (now - EVERY_S, 0))
        if now - written_at < EVERY_S:
            self._kinds[kind] = (written_at, left_out + 1)
            return False
        self._kinds[kind] = (now, 0)
        _shorten(record, name, left_out)
        return True


def sample_outages() -> None:
    """Install the filter where Dramatiq's records are written."""
    outages = OutageFilter()
    for handler in logging.getLogger().handlers:
        handler.addFilter(outages)


def _outage_of(record: logging.LogRecord) -> str | None:
    """What a record tells of an outage, in a word; None: nothing."""
    if str(record.msg).startswith(_RESTART):
        return "restart"
    arguments = record.args if isinstance(record.args, tuple) else ()
    error = record.exc_info[1] if record.exc_info else next(iter(arguments), None)
    if isinstance(error, OSError | RedisError | BrokerConnectionError):
        return type(error).__name__
    return None


def _shorten(record: logging.LogRecord, name: str, left_out: int) -> None:
    """Name the error instead of its traceback, and count what was left out."""
    more = f"; {left_out} more within {EVERY_S:.0f} s or longer" if left_out else ""
    record.msg, record.args = f"{record.getMessage()} ({name}){more}", None
    record.exc_info = record.exc_text = None
