"""Which parts of a window were compared, and which of them only before they were over."""

from datetime import UTC, datetime, timedelta

from reports.coverage import ComparedWindow, unfinished
from vocabulary.window import Window

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR


def _span(first: timedelta, last: timedelta) -> Window:
    return Window(start=MIDNIGHT + first, end=MIDNIGHT + last)


def _compared(window: Window, at: timedelta) -> ComparedWindow:
    return ComparedWindow(
        run_id="run-1", window=window, started_at=MIDNIGHT + at, ours=1, theirs=1, matched=1
    )


def test_a_later_run_of_another_day_finishes_no_day() -> None:
    runs = (
        _compared(_span(0 * DAY, DAY), 12 * HOUR),
        _compared(_span(DAY, 2 * DAY), 2 * DAY),
    )
    assert unfinished(_span(0 * DAY, 2 * DAY), runs) == (_span(12 * HOUR, DAY),)


def test_a_run_of_several_days_finishes_those_that_were_over() -> None:
    runs = (_compared(_span(0 * DAY, 3 * DAY), DAY + HOUR),)
    assert unfinished(_span(0 * DAY, DAY), runs) == ()
    assert unfinished(_span(0 * DAY, 2 * DAY), runs) == (_span(DAY + HOUR, 2 * DAY),)


def test_what_no_run_compared_is_not_called_unfinished() -> None:
    runs = (_compared(_span(0 * DAY, DAY), DAY),)
    assert unfinished(_span(0 * DAY, 2 * DAY), runs) == ()


def test_a_run_from_before_its_window_finishes_nothing_of_it() -> None:
    runs = (_compared(_span(DAY, 2 * DAY), 12 * HOUR),)
    assert unfinished(_span(DAY, 2 * DAY), runs) == (_span(DAY, 2 * DAY),)
