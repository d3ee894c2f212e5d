"""Results of costly queries, kept in memory and renewed in the background.

A page that adds up very many rows takes what was read some time ago and says when. A result
carries a stamp of what it depends on, if there is one: with another stamp it is read anew at
once, so that nobody misses what they just did.
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from vocabulary.clock import Clock

#: Age from which a result is renewed behind the page that shows it.
RENEWED_AFTER = timedelta(minutes=1)
#: Age up to which a result is shown; an older one is read anew while the page waits.
OLDEST = timedelta(hours=1)
#: Most results that are kept.
KEPT_MAX = 2_000

log = structlog.get_logger()

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class KeptRead(Generic[_Value]):
    """A result, when it was read, and the stamp of what it depends on."""

    value: _Value
    read_at: datetime
    stamp: Hashable


class KeptReads:
    """Reads by key, and remembers what was read.

    Args:
        engine: for the renewals.
        clock: tells how old results are.
        executor: runs the renewals.
    """

    def __init__(self, engine: Engine, clock: Clock, executor: Executor) -> None:
        self._engine, self._clock, self._executor = engine, clock, executor
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
    ) -> KeptRead[_Value]:
        """What ``read`` returns, or returned at most ``OLDEST`` ago under the same stamp."""
        kept, now = self._kept.get(key), self._clock.now()
        if kept is None or kept.stamp != stamp or now - kept.read_at > OLDEST:
            return self._read(connection, key, read, stamp)
        if now - kept.read_at > renewed_after:
            self._renew(key, read, stamp)
        return kept

    def _read(
        self,
        connection: Connection,
        key: Hashable,
        read: Callable[[Connection], _Value],
        stamp: Hashable,
    ) -> KeptRead[_Value]:
        began = self._clock.now()
        kept = KeptRead(read(connection), began, stamp)
        with self._lock:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = kept
        return kept

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
            with self._engine.connect() as connection:
                self._read(connection, key, read, stamp)
        except SQLAlchemyError as error:  # the next page tries again
            log.warning("kept_read_not_renewed", key=str(key), error=type(error).__name__)
        finally:
            with self._lock:
                self._renewing.discard(key)
