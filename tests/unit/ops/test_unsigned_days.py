"""The days of a month that are not signed: one line for each provider."""

from datetime import date

from ops.finance.unsigned_days import UnsignedDay, unsigned_lines


def test_days_in_a_row_with_one_state_are_a_range_and_providers_have_lines() -> None:
    days = [
        *(UnsignedDay("lottery", date(2026, 2, number), "closed") for number in (26, 27, 28)),
        UnsignedDay("lottery", date(2026, 3, 1), "closed"),
        UnsignedDay("lottery", date(2026, 3, 2), "open"),
        UnsignedDay("lottery", date(2026, 3, 4), "open"),
        UnsignedDay("bingo", date(2026, 3, 5), "open"),
    ]

    assert list(unsigned_lines(days)) == [
        "lottery 2026-02-26..2026-03-01 (closed), 2026-03-02 (open), 2026-03-04 (open)",
        "bingo 2026-03-05 (open)",
    ]


def test_no_such_day_is_no_line() -> None:
    assert not list(unsigned_lines([]))
