"""A value that expires and is fetched again, once for all who wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from vocabulary.clock import Clock

#: Shortest life of a value: one that arrives expired, because a clock is off, must not cause a
#: fetch for every use.
LIFE_MIN = timedelta(seconds=30)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExpiringValue(Generic[T]):
    """A value and the instant until which it may be used."""

    value: T
    until: datetime


class CachedValue(Generic[T]):
    """One value, fetched at first use and again after it has expired.

    Everybody who needs it during a fetch waits for that fetch and shares its result, also an
    error. A fetch continues even if the caller that began it is cancelled.

    Args:
        fetch: gets a new value.
        clock: decides what has expired.
        renewable_after: age before which ``forget`` does nothing.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[ExpiringValue[T]]],
        *,
        clock: Clock,
        renewable_after: timedelta = timedelta(0),
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._renewable_after = renewable_after
        self._current: ExpiringValue[T] | None = None
        self._fetched_at: datetime | None = None
        self._flight: asyncio.Task[ExpiringValue[T]] | None = None

    async def get(self) -> T:
        """The value, as long as it lasts; whatever ``fetch`` raises otherwise."""
        if self._current is not None and self._clock.now() < self._current.until:
            return self._current.value
        if self._flight is None:
            self._flight = asyncio.create_task(self._renew())
            self._flight.add_done_callback(_retrieve_error)
        return (await asyncio.shield(self._flight)).value

    def forget(self, value: T) -> bool:
        """Drop a value that was refused, unless another has replaced it.

        Returns:
            Whether the next ``get`` gives another value than this one.
        """
        if self._current is None or self._current.value != value:
            return True
        assert self._fetched_at is not None
        if self._clock.now() - self._fetched_at < self._renewable_after:
            return False
        self._current = None
        return True

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _renew(self) -> ExpiringValue[T]:
        try:
            fetched = await self._fetch()
            now = self._clock.now()
            self._current = ExpiringValue(fetched.value, max(fetched.until, now + LIFE_MIN))
            self._fetched_at = now
        finally:
            self._flight = None
        return self._current


def _retrieve_error(flight: "asyncio.Task[ExpiringValue[T]]") -> None:
    """Mark an error as retrieved: whoever waited got it; asyncio must not log it again."""
    if not flight.cancelled():
        flight.exception()
