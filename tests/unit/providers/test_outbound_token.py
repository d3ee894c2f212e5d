"""Something fetched and kept: one fetch for all, errors shared, never a fetch for every use."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from providers.outbound.cached_value import LIFE_MIN, CachedValue, ExpiringValue
from vocabulary.clock import FrozenClock

NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Source:
    """Gives 1, 2, 3 …, each when told to."""

    def __init__(self, clock: FrozenClock, life: timedelta = HOUR) -> None:
        self.fetched = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.fails = False
        self._clock = clock
        self._life = life

    async def fetch(self) -> ExpiringValue[int]:
        self.fetched += 1
        self.asked.set()
        await self.may_answer.wait()
        if self.fails:
            raise ConnectionError("down")
        return ExpiringValue(self.fetched, self._clock.now() + self._life)


Scene = Callable[[Source, "CachedValue[int]", FrozenClock], Awaitable[None]]


def run(
    scene: Scene, *, life: timedelta = HOUR, renewable_after: timedelta = timedelta(0)
) -> None:
    async def scenario() -> None:
        clock = FrozenClock(NOON)
        source = Source(clock, life)
        kept = CachedValue(source.fetch, clock=clock, renewable_after=renewable_after)
        await scene(source, kept, clock)
        await kept.close()

    asyncio.run(scenario())


def test_a_value_is_fetched_once_and_again_when_it_has_expired() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        assert [await kept.get(), await kept.get()] == [1, 1]
        clock.instant = NOON + HOUR
        assert [await kept.get(), await kept.get()] == [2, 2]

    run(scene)


@pytest.mark.parametrize("life", [timedelta(0), timedelta(days=-9), timedelta(seconds=1)])
def test_a_value_that_comes_expired_lasts_a_little_all_the_same(life: timedelta) -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        await kept.get()
        clock.instant = NOON + LIFE_MIN - timedelta(seconds=1)
        assert await kept.get() == 1
        clock.instant = NOON + LIFE_MIN
        assert await kept.get() == 2

    run(scene, life=life)


def test_an_error_is_shared_by_all_who_wait_and_not_kept() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        source.fails = True
        results = await asyncio.gather(*(kept.get() for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in results] == [ConnectionError] * 5
        assert source.fetched == 1

        source.fails = False
        assert await kept.get() == 2

    run(scene)


def test_an_expired_value_is_not_given_while_a_new_one_fails() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        await kept.get()
        clock.instant = NOON + HOUR
        source.fails = True
        with pytest.raises(ConnectionError, match="down"):
            await kept.get()

    run(scene)


def test_only_the_value_that_was_refused_is_forgotten() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        await kept.get()
        assert kept.forget(1)
        assert await kept.get() == 2
        assert kept.forget(1), "a later value stands in its place"
        assert await kept.get() == 2

    run(scene)


def test_a_young_value_is_not_forgotten_where_renewal_is_bounded() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        await kept.get()
        clock.instant = NOON + timedelta(seconds=59)
        assert not kept.forget(1)
        assert await kept.get() == 1
        clock.instant = NOON + timedelta(seconds=60)
        assert kept.forget(1)
        assert await kept.get() == 2

    run(scene, renewable_after=timedelta(seconds=60))


def test_closing_ends_a_fetch_that_nobody_will_use() -> None:
    async def scene(source: Source, kept: CachedValue[int], clock: FrozenClock) -> None:
        source.may_answer.clear()
        waiting = asyncio.create_task(kept.get())
        await source.asked.wait()

        await kept.close()
        await asyncio.wait([waiting])

        assert waiting.cancelled()

    run(scene)
