"""Windows are parsed strictly, half open, and in the provider's time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from reconcile.matching.conservation import Tally, exact_sum
from vocabulary.window import Window, day_window, parse_window


def test_a_date_means_midnight_in_the_providers_zone() -> None:
    window = parse_window("2026-03-01", "2026-03-02", zone="Europe/Warsaw")
    assert window.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert window.end == datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_an_offset_wins_over_the_zone() -> None:
    window = parse_window(
        "2026-03-01T10:00:00Z", "2026-03-01T13:00:00+02:00", zone="Asia/Tokyo"
    )
    assert (window.start.hour, window.end.hour) == (10, 11)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
)
def test_a_day_has_the_hours_its_zone_gives_it(day: date, hours: int) -> None:
    window = day_window(day, ZoneInfo("Europe/Warsaw"))
    following = day + timedelta(days=1)
    assert window == parse_window(str(day), str(following), zone="Europe/Warsaw")
    assert window.end - window.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-03-01", "2026-03-01"), ("2026-03-02", "2026-03-01"), ("soon", "2026-03-01")],
)
def test_an_empty_or_unreadable_window_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"expected|window"):
        parse_window(start, end, zone="UTC")


def test_a_window_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001 - naive on purpose
    with pytest.raises(ValueError, match="time zone"):
        Window(start=naive, end=datetime(2026, 3, 2, tzinfo=UTC))


def test_sums_beyond_64_bits_are_exact() -> None:
    values = np.full(1_000, 10**17, dtype=np.int64)
    assert exact_sum(values) == 10**20
    assert exact_sum(-values) == -(10**20)
    assert exact_sum(values[:0]) == 0


def test_tallies_add_and_subtract_by_currency() -> None:
    one = Tally(2, (("EUR", 5, 1), ("USD", 7, 0)))
    other = Tally(1, (("EUR", 5, 1),))
    assert one - other == Tally(1, (("USD", 7, 0),))
    assert one - other + other == one
