"""Rates are read whole or refused with every wrong line; conversion rounds once."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rates import PROBLEMS_MAX, converted, parse_rates, read_rates
from vocabulary.errors import Refused

HEADER = "day,currency,rate,source\n"
MARCH_1 = date(2026, 3, 1)


def test_rates_are_read_by_day_and_currency() -> None:
    text = HEADER + "2026-03-01,USD,0.9231,ECB\n2026-03-01,JPY,0.0061,ECB\n"
    rates = parse_rates(text, "rates.csv", "EUR", 2)
    dollar = rates.rate(MARCH_1, "USD")
    assert dollar is not None
    assert (dollar.value, dollar.source) == (Decimal("0.9231"), "ECB")


def test_a_day_without_a_rate_has_none_and_no_neighbour_is_taken() -> None:
    rates = parse_rates(HEADER + "2026-03-02,USD,0.9231,ECB\n", "rates.csv", "EUR", 2)
    assert rates.rate(MARCH_1, "USD") is None


def test_the_reporting_currency_needs_no_rate() -> None:
    own = parse_rates(HEADER, "rates.csv", "EUR", 2).rate(MARCH_1, "EUR")
    assert own is not None
    assert own.value == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("01.03.2026,USD,1.1,ECB", "day: a date such as 2026-03-01 is expected"),
        ("2026-03-01,dollar,1.1,ECB", "currency: a currency code such as USD is expected"),
        ('2026-03-01,USD,"1,1",ECB', "rate: a decimal above zero such as 1.0873 is expected"),
        ("2026-03-01,USD,0,ECB", "rate: a decimal above zero"),
        ("2026-03-01,USD,NaN,ECB", "rate: a decimal above zero"),
        ("2026-03-01,USD,1.1,", "source: who publishes the rate is expected"),
        ("2026-03-01,USD,1.1,ECB\n2026-03-01,USD,1.2,ECB", "another rate of USD on 2026-03-01"),
        ("2026-03-01,EUR,1,ECB", "is [reporting] currency right?"),
        ('2026-03-01,USD,1.1,"ECB', "well-formed CSV is expected"),
        ("2026-03-01,USD,1.1", "source: who publishes the rate is expected"),
        ("2026-03-01,USD,1,0873,ECB", "4 values are expected, there are 5: quote a value"),
        ("2026-03-01,USD,1,ECB, Rome", "4 values are expected, there are 5: quote a value"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_expected(line: str, problem: str) -> None:
    with pytest.raises(Refused, match=r"rates\.csv") as error:
        parse_rates(HEADER + line + "\n", "rates.csv", "EUR", 2)
    assert problem in str(error.value)


def test_another_header_is_refused_with_the_columns_that_are_expected() -> None:
    with pytest.raises(Refused, match="day, currency, rate, source"):
        parse_rates("date,ccy,value\n", "rates.csv", "EUR", 2)


def test_many_wrong_lines_are_counted_after_the_first() -> None:
    with pytest.raises(Refused) as error:
        parse_rates(HEADER + "x,y,z,\n" * PROBLEMS_MAX, "rates.csv", "EUR", 2)
    lines = str(error.value).splitlines()
    assert len(lines) == PROBLEMS_MAX + 1
    assert lines[-1] == f"rates.csv: {3 * PROBLEMS_MAX} more problems"


@pytest.mark.parametrize(("content", "problem"), [(None, "readable"), (b"\xff\xfe", "UTF-8")])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "rates.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused, match=problem):
        read_rates(path, "EUR", 2)


@pytest.mark.parametrize(
    ("minor", "rate", "digits", "reporting_digits", "expected"),
    [
        (1_000, "0.9231", 2, 2, 923),
        (900, "0.0061", 0, 2, 549),
        (5, "0.5", 2, 2, 2),
        (15, "0.5", 2, 2, 8),
        (-5, "0.5", 2, 2, -2),
        (10**17, "1.000000000001", 2, 2, 10**17 + 10**5),
        (123_456_789, "60000", 8, 2, 7_407_407),
    ],
)
def test_an_amount_is_converted_exactly_and_rounded_once(
    minor: int, rate: str, digits: int, reporting_digits: int, expected: int
) -> None:
    value = converted(minor, Decimal(rate), digits=digits, reporting_digits=reporting_digits)
    assert value == expected


@given(st.integers(-(10**17), 10**17), st.integers(0, 9))
def test_a_rate_of_one_changes_nothing(minor: int, digits: int) -> None:
    assert converted(minor, Decimal(1), digits=digits, reporting_digits=digits) == minor
