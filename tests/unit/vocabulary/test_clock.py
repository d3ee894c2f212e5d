"""Clocks return aware instants in UTC."""

from datetime import UTC, datetime, timedelta

from vocabulary.clock import Clock, FrozenClock, SystemClock


def test_the_system_clock_is_aware_and_moves_forward() -> None:
    clock: Clock = SystemClock()

    first, second = clock.now(), clock.now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second < first + timedelta(minutes=1)


def test_a_frozen_clock_always_shows_the_same_instant() -> None:
    instant = datetime(2025, 3, 1, 23, 59, 59, tzinfo=UTC)
    clock: Clock = FrozenClock(instant)

    assert clock.now() == clock.now() == instant
