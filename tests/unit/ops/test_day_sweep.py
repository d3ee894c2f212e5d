"""What a sweep says of one day: breaks of other days are none of its overdue ones."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from breaks.lists.queries import DueBreak
from ops.scheduling.day_sweep import count_overdue
from tests.harness.books.differences.tracked import NOON, tracked
from vocabulary.window import day_window

WARSAW = ZoneInfo("Europe/Warsaw")
DAY = date(2026, 6, 4)
WINDOW = day_window(DAY, WARSAW)


def _due(
    began_at: datetime | None, *, overdue: bool = True, found: datetime = NOON
) -> DueBreak:
    break_ = tracked(began_at=began_at, first_seen=found)
    return DueBreak(break_=break_, due=NOON, overdue=overdue)


def test_only_overdue_breaks_of_the_day_are_counted() -> None:
    due = [
        _due(NOON),
        _due(NOON, overdue=False),
        _due(NOON - timedelta(days=1)),
        _due(NOON + timedelta(days=1)),
    ]

    assert count_overdue(due, WINDOW) == 1


def test_a_break_counts_on_the_day_of_its_bet_and_not_on_the_day_it_was_found() -> None:
    later = NOON + timedelta(days=1)

    assert count_overdue([_due(NOON, found=later)], WINDOW) == 1
    assert count_overdue([_due(later, found=NOON)], WINDOW) == 0


def test_a_break_without_a_bet_counts_on_the_day_it_was_found() -> None:
    assert count_overdue([_due(None)], WINDOW) == 1
    assert count_overdue([_due(None, found=NOON + timedelta(days=1))], WINDOW) == 0


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_the_clock_changes_has_its_own_midnights(day: date, hours: int) -> None:
    window = day_window(day, WARSAW)
    edges = (window.start, window.end - timedelta(microseconds=1))
    outside = (window.start - timedelta(microseconds=1), window.end)

    assert window.end - window.start == timedelta(hours=hours)
    assert [count_overdue([_due(began_at)], window) for began_at in edges] == [1, 1]
    assert [count_overdue([_due(began_at)], window) for began_at in outside] == [0, 0]
