"""Days and windows as options name them."""

from datetime import UTC, date, datetime, timedelta

import pytest
import typer

from ops.commands.option_values import (
    day_windows,
    named_day,
    read_business_day,
    read_duration,
    read_instant,
    read_month,
    read_period,
    read_until,
    window_of,
)
from ops.commands.table_options import table_rules
from ops.jobs.tasks.uploaded import table_rules as rules_of_job
from vocabulary.errors import Malformed

#: A Wednesday; in Tokyo it is Thursday already.
NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("today", date(2026, 11, 25)),
        ("Yesterday", date(2026, 11, 24)),
        ("-1", date(2026, 11, 24)),
        ("-0", date(2026, 11, 25)),
        ("-30", date(2026, 10, 26)),
        ("tuesday", date(2026, 11, 24)),
        ("mon", date(2026, 11, 23)),
        ("thu", date(2026, 11, 19)),
        ("wednesday", date(2026, 11, 18)),
        ("2026-11-02", date(2026, 11, 2)),
    ],
)
def test_a_day_is_a_date_a_name_or_a_number_of_days_back(word: str, day: date) -> None:
    assert read_business_day(word, "UTC", NOW) == day


def test_a_day_is_that_of_the_zone() -> None:
    assert named_day("today", "Asia/Tokyo", NOW) == date(2026, 11, 26)
    assert named_day("wed", "Asia/Tokyo", NOW) == date(2026, 11, 25)


@pytest.mark.parametrize("word", ["tomorrow", "", "1", "--1", "-1000", "2026-13-01", "mo"])
def test_what_is_no_day_is_refused_with_its_option(word: str) -> None:
    with pytest.raises(Malformed, match="--day: 2026-06-04, today or yesterday is expected"):
        read_business_day(word, "UTC", NOW)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "9999-12-31"])
def test_a_year_with_which_nothing_can_reckon_is_refused_with_its_option(text: str) -> None:
    years = "a year from 1900 to 9998 is expected"

    with pytest.raises(Malformed, match=f"--day: {years}"):
        read_business_day(text, "Pacific/Kiritimati", NOW)
    for instant in (text, f"{text}T00:00:00+14:00", f"{text}T23:59:59-12:00"):
        with pytest.raises(Malformed, match=f"--at: {years}"):
            read_instant(instant, "--at")
    with pytest.raises(Malformed, match=f"--month: {years}"):
        read_month(text[:7], "--month")
    with pytest.raises(typer.BadParameter, match=years):
        window_of(text, "2026-06-04", zone="Asia/Tokyo", now=NOW)


def test_a_duration_reaches_no_further_than_the_calendar() -> None:
    assert read_until("365000d", "--until", NOW).year == 3026
    with pytest.raises(Malformed, match="--until: an instant such as"):
        read_until("999999999d", "--until", NOW)
    with pytest.raises(Malformed, match="--grace: a duration such as 24h or 30d is expected"):
        read_duration("365001d", "--grace")


def test_a_window_goes_from_day_to_day() -> None:
    window = window_of("monday", "today", zone="Europe/Vienna", now=NOW)

    assert window.start == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert window.end == datetime(2026, 11, 24, 23, tzinfo=UTC)


def test_an_instant_may_be_a_day_by_name() -> None:
    assert read_instant("2026-06-04T12:00:00Z", "--from").hour == 12
    assert read_instant("today", "--from") - read_instant("-1", "--from") == timedelta(days=1)
    with pytest.raises(Malformed, match="--from: an instant such as"):
        read_instant("soon", "--from")


def test_one_word_is_another_window_for_each_provider() -> None:
    windows = day_windows("today", {"here": "UTC", "there": "Asia/Tokyo"}, NOW)

    assert windows["here"] == windows[""]
    assert windows["there"].start == datetime(2026, 11, 25, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("2026-02-03", date(2026, 2, 3), date(2026, 2, 3)),
        ("yesterday", date(2026, 11, 25), date(2026, 11, 25)),
        ("-2", date(2026, 11, 24), date(2026, 11, 24)),
        ("2026-11-01..yesterday", date(2026, 11, 1), date(2026, 11, 25)),
        ("monday..today", date(2026, 11, 23), date(2026, 11, 26)),
        ("2026-11-01/today", date(2026, 11, 1), date(2026, 11, 25)),
    ],
)
def test_a_period_is_a_month_a_day_or_days_of_a_zone(
    text: str, first: date, last: date
) -> None:
    assert read_period(text, "--period", zone="Asia/Tokyo", now=NOW) == (first, last)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026", "soon", "today..monday", "today/today", "..today", ""]
)
def test_what_is_no_period_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(Malformed, match="a month such as 2026-06") as refused:
        read_period(text, "--period", zone="UTC", now=NOW)
    assert refused.value.path == "--period"


def test_a_month_is_no_word_for_a_day() -> None:
    assert read_month("2026-02", "--month") == (date(2026, 2, 1), date(2026, 2, 28))
    for text in ("tuesday", "2026-13", "2026-2", ""):
        with pytest.raises(Malformed, match="a month such as 2026-06 is expected"):
            read_month(text, "--month")


@pytest.mark.parametrize("encoding", ["base64", "hex", "undefined", "idna", "no-such", ""])
def test_an_encoding_that_no_file_has_is_refused_by_commands_and_by_jobs(encoding: str) -> None:
    expected = "a text encoding such as utf-8 or windows-1252 is expected"
    with pytest.raises(Malformed, match=f"--encoding: {expected}"):
        table_rules(".", "", encoding, None, numeric_ids=False)
    with pytest.raises(Malformed, match=f"encoding: {expected}"):
        rules_of_job(".", "", encoding)


def test_an_encoding_is_known_by_any_of_its_names() -> None:
    assert table_rules(",", ".", "CP1252", None, numeric_ids=False).encoding == "cp1252"
    assert rules_of_job(",", ".", "windows-1252").encoding == "cp1252"
