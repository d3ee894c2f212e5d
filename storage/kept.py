"""Results of costly queries, kept in memory and renewed in the background.

A page that adds up very many rows takes what was read some time ago and says when. A result
carries a stamp of what it depends on, if there is one: with another stamp it is read anew at
once, so that nobody misses what they just did. A renewal sees the database at one instant.
"""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from vocabulary.clock import Clock
from vocabulary.errors import Unavailable

#: Age from which a result is renewed behind the page that shows it.
RENEWED_AFTER = timedelta(minutes=1)
#: By how long ago a stretch of time ended, the age from which its sums are renewed: those of
#: days long over hardly change.
RENEWALS = ((timedelta(days=2), RENEWED_AFTER), (timedelta(days=14), timedelta(minutes=10)))
RENEWED_LAST = timedelta(minutes=30)
#: Age up to which a result is shown; an older one is read anew while the page waits.
MAX_AGE = timedelta(hours=1)
#: Most results that are kept, and how many of the oldest go when there are more. Those that are
#: too old to be shown go anyway.
KEPT_MAX, DROPPED = 5_000, 500

log = structlog.get_logger()

_Value = TypeVar("_Value")


def renewal_age(ended: datetime, now: datetime) -> timedelta:
    """The age from which the sums of a stretch of time that ended then are renewed."""
    ages = (age for since, age in RENEWALS if now - ended < since)
    return next(ages, RENEWED_LAST)


@dataclass(frozen=True, slots=True)
class KeptRead(Generic[_Value]):
    """A result, when it was read, the stamp of what it depends on, and the time of reading."""

    value: _Value
    read_at: datetime
    stamp: Hashable
    reading_time: timedelta


class KeptReads:
    """Reads by key, and remembers what was read.

    Args:
        connect: opens a connection for a renewal, which sees the database at one instant.
        clock: tells how old results are.
        executor: runs the renewals.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        clock: Clock,
        executor: Executor,
    ) -> None:
        self._connect, self._clock, self._executor = connect, clock, executor
        self._lock = threading.Lock()
        self._kept: dict[Hashable, KeptRead[Any]] = {}
        self._renewing: set[Hashable] = set()

    def get(
        self,
        connection: Connection,
        key: Hashable,
        read: Callable[[Connection], _Value],
        *,
        stamp: Hashable = None,
        renewed_after: timedelta = RENEWED_AFTER,
        longest_wait: timedelta = timedelta.max,
    ) -> KeptRead[_Value]:
        """What ``read`` returns, or returned at most ``MAX_AGE`` ago under the same stamp.

        Args:
            connection: reads what is not kept.
            key: names the result.
            read: reads it.
            stamp: of what it depends on.
            renewed_after: the age from which it is renewed in the background.
            longest_wait: the longest reading that the caller waits for when the stamp has
                changed; a result that took as long to read is returned as it was, and renewed
                in the background, too.
        """
        kept, age = self._kept.get(key), self.age(key)
        if kept is None or age is None:
            return self.read(connection, key, read, stamp=stamp)
        has_changed = kept.stamp != stamp
        if has_changed and kept.reading_time < longest_wait:
            return self.read(connection, key, read, stamp=stamp)
        if has_changed or age > renewed_after:
            self._renew(key, read, stamp)
        return kept

    @property
    def count(self) -> int:
        """How many results are kept."""
        return len(self._kept)

    def age(self, key: Hashable) -> timedelta | None:
        """How old a result is; None if it has to be read."""
        kept = self._kept.get(key)
        age = None if kept is None else self._clock.now() - kept.read_at
        return None if age is None or age > MAX_AGE else age

    def read(
        self,
        connection: Connection,
        key: Hashable,
        read: Callable[[Connection], _Value],
        *,
        stamp: Hashable = None,
    ) -> KeptRead[_Value]:
        """What ``read`` returns now; it is kept instead of what was."""
        read_at, began = self._clock.now(), time.monotonic()
        value = read(connection)
        kept = KeptRead(value, read_at, stamp, timedelta(seconds=time.monotonic() - began))
        with self._lock:
            self._kept.pop(key, None)  # so that their order is that of reading
            self._make_room()
            self._kept[key] = kept
        return kept

    def _make_room(self) -> None:
        """Drop what is too old to be shown, and the oldest if there are too many."""
        shown_since = self._clock.now() - MAX_AGE
        dropped = list(takewhile(lambda key: self._kept[key].read_at < shown_since, self._kept))
        if len(self._kept) >= KEPT_MAX:
            dropped = max(dropped, list(islice(self._kept, DROPPED)), key=len)
        for key in dropped:
            del self._kept[key]

    def _renew(self, key: Hashable, read: Callable[[Connection], Any], stamp: Hashable) -> None:
        with self._lock:
            if key in self._renewing:
                return
            self._renewing.add(key)
        self._executor.submit(self._renew_now, key, read, stamp)

    def _renew_now(
        self, key: Hashable, read: Callable[[Connection], Any], stamp: Hashable
    ) -> None:
        try:
            with self._connect() as connection:
                self.read(connection, key, read, stamp=stamp)
        except (SQLAlchemyError, Unavailable) as error:  # the next page tries again
            log.warning("kept_read_not_renewed", key=str(key), error=type(error).__name__)
        finally:
            with self._lock:
                self._renewing.discard(key)
