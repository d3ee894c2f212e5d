"""Periods in file names and words, and the parts of them that no run compared."""

from datetime import UTC, datetime, timedelta

import pytest

from reports.coverage import gaps
from reports.pack import period_stem, period_text
from vocabulary.window import Window, parse_window

DAY = parse_window("2026-03-01", "2026-03-02", zone="UTC")


@pytest.mark.parametrize(
    ("start", "end", "zone", "stem"),
    [
        ("2026-03-01", "2026-03-02", "UTC", "2026-03-01"),
        ("2026-03-01", "2026-04-01", "UTC", "2026-03"),
        ("2026-03-03", "2026-03-10", "UTC", "2026-03-03-to-2026-03-09"),
        ("2026-03-29", "2026-03-30", "Europe/Berlin", "2026-03-29"),  # of 23 hours
        ("2026-01-01", "2026-03-01", "UTC", "2026-01-01-to-2026-02-28"),
        (
            "2026-03-01T00:00:00Z",
            "2026-03-02T00:00:00Z",
            "America/New_York",
            "20260301T000000Z-20260302T000000Z",
        ),
    ],
)
def test_a_file_is_named_after_business_days_in_their_zone(
    start: str, end: str, zone: str, stem: str
) -> None:
    assert period_stem(parse_window(start, end, zone=zone), zone) == stem


def test_a_period_is_told_by_its_first_and_last_day() -> None:
    berlin = parse_window("2026-03-01", "2026-04-01", zone="Europe/Berlin")
    assert period_text(berlin, "Europe/Berlin") == (
        "business days 2026-03-01 to 2026-03-31 (Europe/Berlin)"
    )
    assert period_text(DAY, "UTC") == "business day 2026-03-01 (UTC)"


def _hours(first: int, last: int) -> Window:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return Window(start=start + timedelta(hours=first), end=start + timedelta(hours=last))


@pytest.mark.parametrize(
    ("covered", "missing"),
    [
        ([], [_hours(0, 24)]),
        ([_hours(0, 24)], []),
        ([_hours(-5, 30)], []),
        ([_hours(0, 10), _hours(10, 24)], []),
        ([_hours(12, 24), _hours(0, 10)], [_hours(10, 12)]),
        ([_hours(0, 20), _hours(3, 5)], [_hours(20, 24)]),
        ([_hours(30, 40)], [_hours(0, 24)]),
        ([_hours(5, 6), _hours(8, 9)], [_hours(0, 5), _hours(6, 8), _hours(9, 24)]),
    ],
)
def test_the_parts_that_no_run_compared_are_the_gaps(
    covered: list[Window], missing: list[Window]
) -> None:
    assert list(gaps(DAY, covered)) == missing
