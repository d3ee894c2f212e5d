"""Date patterns keep the zone that a text has, and are complete or refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.values.date_pattern import DatePattern
from tests.harness.books.statement_files import PLAIN, csv_line, problem, read_csv, record

WARSAW = ZoneInfo("Europe/Warsaw")
COLUMNS = ("transaction_id", "action", "user_id", "currency", "amount")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 09:30:00 UTC"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 09:30:00 GMT"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 09:30:00 Z"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 11:30:00 CEST"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 10:30:00 Europe/London"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 11:30:00 Europe/Warsaw"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-06-04 11:30:00 +02:00"),
        ("%Y-%m-%d %H:%M:%S%z", "2026-06-04 11:30:00+0200"),
        ("%Y-%m-%d %H:%M:%S%z", "2026-06-04 04:00:00-05:30"),
        ("%Y-%m-%d %H:%M:%S%z", "2026-06-04 11:30:00+02"),
        ("%Y-%m-%d %H:%M:%S%z", "2026-06-04 09:30:00Z"),
        ("%Y-%m-%dT%H:%M:%SZ", "2026-06-04T09:30:00Z"),
        ("%d.%m.%Y %H:%M UTC", "4.6.2026 9:30 UTC"),
        ("%d.%m.%Y %H:%M (GMT)", "04.06.2026 09:30 (GMT)"),
        ("%Y-%m-%d %H:%M:%S+02:00", "2026-06-04 11:30:00+02:00"),
        ("%d.%m.%Y %H:%M", "04.06.2026 11:30"),
        ("%d.%m.%y %H:%M", "04.06.26 11:30"),
        ("%d %b %Y %I:%M %p", "4 Jun 2026 11:30 AM"),
        ("%A, %d %B %Y, %H:%M", "Thursday, 04 june 2026, 11:30"),
        ("%Y%m%d%H%M%S", "20260604113000"),
        ("%Y-%j %H:%M", "2026-155 11:30"),
        ("%d.%m.%Y %H:%M:%S.%f", "04.06.2026 11:30:00.0000009"),
        ("%d.%m.%Y  %H:%M", "04.06.2026\N{NO-BREAK SPACE}11:30"),
        ("%d%%%m%%%Y %H:%M", "04%06%2026 11:30"),
    ],
)
def test_the_zone_of_a_text_or_of_its_pattern_holds_before_the_declared_one(
    pattern: str, text: str
) -> None:
    rules = FileRules(zone=WARSAW, dates=pattern)

    assert record(csv_line(rules, created_at=text)).created_at == datetime(
        2026, 6, 4, 9, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(("zone", "hour"), [("CEST", 0), ("CET", 1)])
def test_the_abbreviation_of_a_zone_decides_in_a_repeated_hour(zone: str, hour: int) -> None:
    rules = FileRules(zone=WARSAW, dates="%Y-%m-%d %H:%M %Z")

    line = csv_line(rules, created_at=f"2026-10-25 02:30 {zone}")

    assert record(line).created_at == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-04 09:30:00 EST",
        "2026-06-04 09:30:00 CET",
        "2026-06-04 09:30:00 Europe/Nowhere",
        "2026-02-30 09:30:00 UTC",
        "2026-06-04 09:30:00",
        "2026-06-04 24:30:00 UTC",
        "26-06-04 09:30:00 UTC",
    ],
)
def test_an_unknown_zone_or_a_time_that_does_not_exist_is_a_finding(text: str) -> None:
    rules = FileRules(zone=WARSAW, dates="%Y-%m-%d %H:%M:%S %Z")

    assert problem(csv_line(rules, created_at=text)).startswith("created_at: ")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("%H:%M", "the year is missing"),
        ("%d.%m %H:%M", "the year is missing"),
        ("%Y %H:%M", "the month is missing"),
        ("%Y-%d", "the month is missing"),
        ("%Y-%m", "the day is missing"),
        ("foo", "the year is missing"),
        ("", "the year is missing"),
        ("%Q", "%Q is unknown"),
        ("%c", "%c is unknown"),
        ("%x %X", "%X is unknown"),
        ("%Y-%m-%d %", "% is unknown"),
        ("%Y-%m-%d %Y", "a part of the date is repeated"),
        ("%Y-%y-%m-%d", "a part of the date is repeated"),
        ("%Y-%b-%m-%d", "a part of the date is repeated"),
        ("%Y-%m-%d %I:%M", "%I and %p belong together"),
        ("%Y-%m-%d %H:%M %p", "%I and %p belong together"),
        ("%Y-%m-%d %M", "%M has no %H before it"),
        ("%Y-%m-%d %H:%S", "%S has no %M before it"),
        ("%Y-%m-%d %H:%M %zZ", "the zone is there twice"),
        ("%Y-%m-%d %H:%M %z %Z", "the zone is there twice"),
    ],
)
def test_a_pattern_that_cannot_say_an_instant_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^a date pattern such as") as caught:
        DatePattern.of(pattern)

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-04T09:30:00+00",
        "2026-06-04T11:30:00+02",
        "2026-06-04T09:30Z",
        "2026-06-04 09:30:00Z",
        "2026-06-04T09:30:00.0000000Z",
        "2026-06-04T09:30:00.000000999Z",
        "2026-06-04 09:30:00 UTC",
        " 2026-06-04T09:30:00Z\N{NO-BREAK SPACE}",
    ],
)
def test_instants_of_a_file_are_read_in_every_iso_form(text: str) -> None:
    assert record(csv_line(created_at=text)).created_at == datetime(
        2026, 6, 4, 9, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("columns", "dates", "cells"),
    [
        (("Day", "Time", "Zone"), "%d.%m.%Y %H:%M %Z", ("04.06.2026", "09:30", "UTC")),
        (("Day", "Time", "Zone"), "%d.%m.%Y %H:%M %Z", ("04.06.2026", "11:30", "CEST")),
        (("Day", "Time"), "%d.%m.%Y %H:%M", ("04.06.2026", "11:30")),
        (("Day", "Time", "Zone"), None, ("2026-06-04", "11:30:00", "+02:00")),
        (("Day", "Time"), None, ("2026-06-04 ", " 11:30")),
    ],
)
def test_day_time_and_zone_may_be_columns_of_their_own(
    columns: tuple[str, ...], dates: str | None, cells: tuple[str, ...]
) -> None:
    rules = FileRules(zone=WARSAW, dates=dates, columns={"created_at": columns})
    header = (*COLUMNS, "rollback_transaction_id", *columns)

    (line,) = read_csv([("t-1", "bet", "42", "USD", "10.00", "", *cells)], rules, header=header)

    assert record(line).created_at == datetime(2026, 6, 4, 9, 30, tzinfo=UTC)


def test_a_missing_one_of_several_columns_is_named() -> None:
    rules = FileRules(columns={"created_at": ("Day", "Time")})
    header = (*COLUMNS, "rollback_transaction_id", "Day")

    (line,) = read_csv([], rules, header=header)

    assert problem(line) == "header: these columns are missing: Time"


def test_without_a_zone_anywhere_a_time_is_a_finding_that_names_the_setting() -> None:
    reason = problem(csv_line(PLAIN, created_at="2026-06-04T09:30:00"))

    assert reason == (
        "created_at: a time zone is missing and none is declared (setting timezone);"
        ' found "2026-06-04T09:30:00"'
    )


@given(
    instant=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2068, 12, 31)),  # noqa: DTZ001
    pattern=st.sampled_from(
        [
            "%Y-%m-%d %H:%M:%S.%f",
            "%d/%m/%y %I:%M:%S,%f %p",
            "%B %d, %Y %H:%M:%S %f",
            "%a %d-%b-%Y %H.%M.%S.%f",
            "%Y%m%dT%H%M%S%f",
            "%Y-%j %H:%M:%S.%f",
        ]
    ),
)
def test_what_strftime_writes_is_read_as_the_same_time(instant: datetime, pattern: str) -> None:
    read = DatePattern.of(pattern).parse(instant.strftime(pattern))

    assert read is not None
    assert (read.local, read.zone) == (instant, None)
