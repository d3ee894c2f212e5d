"""Days of the operator's own zone, and texts that people type."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from console.pages.parameters import read_text, within_years
from tests.unit.console.configs import config
from vocabulary.errors import Malformed

EVENING = datetime(2026, 6, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 6, 30)),
        ("Asia/Tokyo", date(2026, 7, 1)),
        ("America/New_York", date(2026, 6, 30)),
    ],
)
def test_today_is_a_day_of_the_operators_zone(zone: str, day: date) -> None:
    assert replace(config(), reporting_zone=zone).today(EVENING) == day


def test_days_of_years_beyond_those_of_pages_are_none() -> None:
    ends = [date(2000, 1, 1), date(2099, 12, 31)]

    assert [within_years(day) for day in ends] == ends
    assert within_years(date(1999, 12, 31)) is within_years(date(2100, 1, 1)) is None


def test_a_text_is_taken_whole_or_refused() -> None:
    assert read_text({"reason": " a\r\nb "}, "reason", most=3) == "a\nb"
    assert read_text({}, "reason", most=3) == ""
    with pytest.raises(Malformed, match="reason: at most 3 characters are expected, it has 4"):
        read_text({"reason": "abcd"}, "reason", most=3)
    with pytest.raises(Malformed, match="reason: a reason is expected"):
        read_text({"reason": " \r\n"}, "reason", most=3, meaning="a reason")
