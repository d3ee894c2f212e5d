"""Something that is fetched, kept while it lasts, and fetched once however many want it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from vocabulary.clock import Clock

#: Shortest life granted to anything fetched: one that comes expired, from a clock that is off
#: or a server that lies, must not lead to a fetch for every use.
LIFE_MIN = timedelta(seconds=30)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExpiringValue(Generic[T]):
    """A value and the instant until which it may be used."""

    value: T
    until: datetime


class CachedValue(Generic[T]):
    """One value, fetched when first wanted and again when it has expired.

    All who want it while it is being fetched wait for the same fetch and share its end, also
    when that is an error. A fetch outlives whoever began it.

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
        self._held: ExpiringValue[T] | None = None
        self._fetched_at: datetime | None = None
        self._flight: asyncio.Task[ExpiringValue[T]] | None = None

    async def get(self) -> T:
        """The value, as long as it lasts; whatever ``fetch`` raises otherwise."""
        if self._held is not None and self._clock.now() < self._held.until:
            return self._held.value
        if self._flight is None:
            self._flight = asyncio.create_task(self._renew())
            self._flight.add_done_callback(_looked_at)
        return (await asyncio.shield(self._flight)).value

    def forget(self, value: T) -> bool:
        """Give up a value that was refused, unless another has taken its place.

        Returns:
            Whether the next ``get`` gives another value than this one.
        """
        if self._held is None or self._held.value != value:
            return True
        assert self._fetched_at is not None
        if self._clock.now() - self._fetched_at < self._renewable_after:
            return False
        self._held = None
        return True

    async def close(self) -> None:
        """End a fetch that nobody will use."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _renew(self) -> ExpiringValue[T]:
        try:
            fetched = await self._fetch()
            now = self._clock.now()
            self._held = ExpiringValue(fetched.value, max(fetched.until, now + LIFE_MIN))
            self._fetched_at = now
        finally:
            self._flight = None
        return self._held


def _looked_at(flight: "asyncio.Task[ExpiringValue[T]]") -> None:
    """Whoever waited was told; if all of them left, nobody has to be."""
    if not flight.cancelled():
        flight.exception()
