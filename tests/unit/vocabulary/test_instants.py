"""Instants as programs write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.errors import Malformed
from vocabulary.instants import instant_from_text

HALF_PAST = datetime(2026, 6, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-04T09:30:00Z",
        "2026-06-04t09:30:00z",
        "2026-06-04 09:30:00Z",
        "2026-06-04T09:30Z",
        "2026-06-04T09:30:00+00",
        "2026-06-04T11:30:00+02",
        "2026-06-04T11:30:00+0200",
        "2026-06-04T11:30:00+02:00",
        "2026-06-04 04:00:00 -05:30",
        "2026-06-04 09:30:00 UTC",
        "2026-06-04 09:30:00 GMT",
        "2026-06-04T09:30:00.000Z",
        "2026-06-04T09:30:00,000Z",
        "2026-06-04T09:30:00.0000000Z",
        "2026-06-04T09:30:00.000000000+00:00",
    ],
)
def test_iso_8601_is_read_as_programs_write_it(text: str) -> None:
    assert instant_from_text(text) == HALF_PAST
    assert instant_from_text(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("fraction", "microseconds"),
    [
        ("1", 100_000),
        ("123456", 123_456),
        ("1234567", 123_456),
        ("123456999", 123_456),
        ("999999999", 999_999),
        ("0000009", 0),
    ],
)
def test_digits_after_the_microsecond_are_dropped(fraction: str, microseconds: int) -> None:
    read = instant_from_text(f"2026-06-04T09:30:00.{fraction}Z")

    assert read == HALF_PAST.replace(microsecond=microseconds)


def test_a_time_without_a_zone_stays_without_one() -> None:
    assert instant_from_text("2026-06-04T09:30") == HALF_PAST.replace(tzinfo=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-06-04",
        "20260604T093000Z",
        "04.06.2026 09:30",
        "2026-06-04T09Z",
        "2026-06-04T09:30.5Z",
        "2026-06-04T09:30:00.Z",
        "2026-06-04T09:30:00.1234567890Z",
        "2026-06-04T09:30:00 CET",
        "2026-06-04T09:30:00+2",
        "2026-06-04T09:30:00+02:",
        "2026-06-04T09:30:00+24:00",
        "2026-06-04T09:30:00+02:60",
        "2026-02-30T09:30:00Z",
        "2026-06-04T24:00:00Z",
        "2026-06-04T24:00:00+00",
        "2026-06-04T09:60:00Z",
        "0001-01-01T00:00:00+14:00",
        " 2026-06-04T09:30:00Z",
        "2026-06-04T09:30:00Z\n",
        "٢026-06-04T09:30:00Z",
    ],
)
def test_another_text_is_no_instant(text: str) -> None:
    with pytest.raises(Malformed, match=r"^createdAt: an .*instant .*is expected"):
        instant_from_text(text, path="createdAt")


@given(
    instant=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_what_python_writes_is_read_as_the_same_instant(
    instant: datetime, minutes: int
) -> None:
    zoned = instant.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert instant_from_text(zoned.isoformat()) == zoned
    assert instant_from_text(zoned.isoformat(sep=" ")) == zoned
