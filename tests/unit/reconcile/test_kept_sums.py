"""Kept sums of days: shown with their age, renewed in the background, an hour old at most."""

from collections.abc import Hashable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, create_engine

from reconcile.days.figures import BothSides, SideTotals
from reconcile.days.kept_sums import KeptSums
from storage.kept import (
    DROPPED,
    KEPT_MAX,
    MAX_AGE,
    RENEWED_AFTER,
    KeptReads,
    renewal_age,
)
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

NOW = datetime(2026, 6, 5, 9, tzinfo=UTC)
YESTERDAY = Window(start=NOW - timedelta(hours=33), end=NOW - timedelta(hours=9))
LAST_WEEK = Window(start=NOW - timedelta(days=8), end=NOW - timedelta(days=7))
SECOND = timedelta(seconds=1)


class Later(Executor):
    """Keeps what it is given until it is told to run it."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting.append(lambda: fn(*args, **kwargs))
        return Future()

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            job()


class Kept:
    """Sums over an in-memory database; each reading counts one round more."""

    def __init__(self) -> None:
        self.clock, self.later, self.readings = FrozenClock(NOW), Later(), 0
        self.reads = KeptReads(create_engine("sqlite://").connect, self.clock, self.later)
        self.sums = KeptSums(self.reads, self.clock, self._read, self._read)

    def _read(
        self, _connection: Connection, _slug: str, _window: Window, _stamp: Hashable
    ) -> BothSides:
        self.readings += 1
        return BothSides(ours={"EUR": SideTotals(rounds=self.readings)}, theirs={})

    def seen(
        self, window: Window = YESTERDAY, in_breaks: int = 0
    ) -> tuple[int, datetime | None]:
        """The rounds that a list shows now, and since when."""
        sides = self.sums.kept(cast(Connection, None), "lottery", window, in_breaks)
        return sides.ours["EUR"].rounds, sides.summed_at


def test_the_second_list_shows_the_sums_of_the_first_with_their_time() -> None:
    kept = Kept()
    kept.seen()
    kept.clock.instant += RENEWED_AFTER

    assert kept.seen() == (1, NOW)
    assert kept.later.waiting == []


def test_older_sums_are_shown_and_renewed_once_behind_the_list() -> None:
    kept = Kept()
    kept.seen()
    kept.clock.instant += RENEWED_AFTER + SECOND

    assert [kept.seen(), kept.seen()] == [(1, NOW), (1, NOW)]
    assert len(kept.later.waiting) == 1
    kept.later.run()
    assert kept.seen() == (2, kept.clock.instant)


def test_sums_are_added_up_at_once_when_breaks_explain_another_difference() -> None:
    kept = Kept()

    rounds = [kept.seen(in_breaks=cents)[0] for cents in (0, 5, 5)]
    assert rounds == [1, 2, 2]


def test_what_a_step_added_up_is_what_lists_show_next() -> None:
    kept = Kept()
    kept.seen()
    kept.clock.instant += SECOND
    sides = kept.sums.anew(cast(Connection, None), "lottery", YESTERDAY, 0)

    assert (sides.ours["EUR"].rounds, sides.summed_at) == (2, None)
    assert kept.seen() == (2, kept.clock.instant)


def test_days_of_last_week_are_renewed_less_often() -> None:
    kept = Kept()
    kept.seen(LAST_WEEK)
    kept.clock.instant += renewal_age(LAST_WEEK.end, NOW)

    assert kept.seen(LAST_WEEK) == (1, NOW)
    assert kept.later.waiting == []
    kept.clock.instant += SECOND
    kept.seen(LAST_WEEK)
    assert len(kept.later.waiting) == 1


def test_sums_that_are_too_old_are_added_up_while_the_list_waits() -> None:
    kept = Kept()
    kept.seen()
    kept.clock.instant += MAX_AGE + SECOND

    assert kept.seen() == (2, kept.clock.instant)


def test_each_provider_and_window_has_sums_of_its_own() -> None:
    kept = Kept()

    assert [kept.seen()[0], kept.seen(LAST_WEEK)[0], kept.seen()[0]] == [1, 2, 1]


def test_another_stamp_is_read_at_once() -> None:
    kept, none = Kept(), cast(Connection, None)
    stamps = [1, 1, 2]

    read = [kept.reads.get(none, "key", lambda _: object(), stamp=stamp) for stamp in stamps]

    assert read[0] is read[1]
    assert read[2].value is not read[0].value


def test_what_takes_long_to_read_is_shown_as_it_was_under_another_stamp() -> None:
    kept, none = Kept(), cast(Connection, None)
    values = iter(["former", "renewed"])

    def get(stamp: int) -> str:
        read = kept.reads.get(
            none, "key", lambda _: next(values), stamp=stamp, longest_wait=timedelta(0)
        )
        return read.value

    assert [get(1), get(2), get(2)] == ["former"] * 3
    assert len(kept.later.waiting) == 1
    kept.later.run()
    assert get(2) == "renewed"
    assert kept.later.waiting == []


def test_the_results_that_were_read_first_make_room_for_new_ones() -> None:
    kept, none = Kept(), cast(Connection, None)
    for key in range(KEPT_MAX + 1):
        kept.reads.get(none, key, lambda _: None)

    assert (kept.reads.age(0), kept.reads.age(DROPPED - 1)) == (None, None)
    assert kept.reads.age(DROPPED) == kept.reads.age(KEPT_MAX) == timedelta(0)


def test_results_that_are_too_old_to_be_shown_are_dropped_with_the_next_reading() -> None:
    kept, none = Kept(), cast(Connection, None)
    for key in ("first", "second"):
        kept.reads.get(none, key, lambda _: None)
    kept.clock.instant += MAX_AGE
    kept.reads.get(none, "an hour later", lambda _: None)
    assert kept.reads.count == 3

    kept.clock.instant += SECOND
    kept.reads.get(none, "after that", lambda _: None)

    assert kept.reads.count == 2
    assert kept.reads.age("an hour later") == SECOND
