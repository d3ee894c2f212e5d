"""Daily rates into a reporting currency: read from a file, used in reports only.

The books never hold a converted amount. A day without a rate is said, not guessed.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

from vocabulary.currencies import is_currency
from vocabulary.errors import Refused
from vocabulary.plurals import counted

COLUMNS = ("day", "currency", "rate", "source")
#: Problems listed of one file; the rest is counted.
PROBLEMS_MAX = 20
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
#: Enough digits for every product of an amount and a rate.
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Units of the reporting currency for one unit of another, on one day, and who says so."""

    value: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportingRates:
    """The rates into one reporting currency, by day and currency.

    Attributes:
        digits: of the reporting currency, after its point.
    """

    currency: str
    digits: int
    by_day: Mapping[tuple[date, str], Rate]

    def rate(self, day: date, currency: str) -> Rate | None:
        """The rate of a currency on a day; the reporting currency itself is always 1."""
        if currency == self.currency:
            return Rate(value=Decimal(1), source="same currency")
        return self.by_day.get((day, currency))


def converted(minor: int, rate: Decimal, *, digits: int, reporting_digits: int) -> int:
    """Convert minor units by a rate, rounded once, half to even.

    Args:
        minor: minor units of the original currency.
        rate: units of the reporting currency for one unit of the original.
        digits: digits after the point of the original currency.
        reporting_digits: of the reporting currency.
    """
    exact = _EXACT.multiply(Decimal(minor), rate).scaleb(reporting_digits - digits, _EXACT)
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


def read_rates(path: Path, reporting_currency: str, digits: int) -> ReportingRates:
    """Read a file of rates: CSV in UTF-8 with the columns of ``COLUMNS``.

    Args:
        path: the file.
        reporting_currency: what the rates lead to.
        digits: of that currency, after its point.

    Raises:
        Refused: the file cannot be read, or a line of it is wrong; names every such line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Refused(
            f"{path}: a readable file of rates is expected: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: UTF-8 text is expected") from error
    return parse_rates(text, path.name, reporting_currency, digits)


def parse_rates(text: str, name: str, reporting_currency: str, digits: int) -> ReportingRates:
    """Parse the text of a file of rates.

    Raises:
        Refused: with every wrong line.
    """
    by_day: dict[tuple[date, str], Rate] = {}
    problems: list[str] = []
    try:
        for line, row, left_over in _rows(text):
            of_line = [left_over] if left_over else _take(row, by_day)
            problems += [f"{name} line {line}: {problem}" for problem in of_line]
    except csv.Error as error:
        problems.append(f"{name}: well-formed CSV is expected: {error}")
    foreign = {currency for _, currency in by_day}
    if reporting_currency in foreign:
        problems.append(
            f"{name}: rates into {reporting_currency} are expected, but it lists"
            f" {reporting_currency} itself; is [reporting] currency right?"
        )
    if problems:
        more = len(problems) - PROBLEMS_MAX
        rest = [f"{name}: {counted(more, 'more problem')}"] if more > 0 else []
        raise Refused("\n".join([*problems[:PROBLEMS_MAX], *rest]))
    return ReportingRates(currency=reporting_currency, digits=digits, by_day=by_day)


def _rows(text: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """Each line by its number, as values by column, with what is wrong with their number.

    A rate with a decimal comma is two values, and the first of them would be another rate.
    """
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    header = [cell.strip().lower() for cell in next(reader, [])]
    if sorted(header) != sorted(COLUMNS):
        raise Refused(
            f"the first line of a file of rates names the columns {', '.join(COLUMNS)};"
            f" it is {', '.join(header)[:80] or 'empty'}"
        )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            values = [cell.strip() for cell in cells]
            row = dict(zip(header, values, strict=False))
            yield reader.line_num, row, _too_many(values)


def _too_many(values: Sequence[str]) -> str:
    """What is wrong with values beyond the columns; empty: there are none."""
    if not any(values[len(COLUMNS) :]):
        return ""
    return (
        f"{counted(len(COLUMNS), 'value')} are expected, there are {len(values)}: quote a value"
        " with a comma, and write rates with a point"
    )


def _take(row: Mapping[str, str], by_day: dict[tuple[date, str], Rate]) -> list[str]:
    """Add one line to the rates, or say what is wrong with it."""
    problems = [
        f"{column}: {expected} is expected, it is {row.get(column, '')[:40]!r}"
        for column, holds, expected in (
            ("day", _is_day(row.get("day", "")), "a date such as 2026-03-01"),
            ("currency", is_currency(row.get("currency", "")), "a currency code such as USD"),
            ("rate", _is_rate(row.get("rate", "")), "a decimal above zero such as 1.0873"),
            ("source", bool(row.get("source")), "who publishes the rate"),
        )
        if not holds
    ]
    if problems:
        return problems
    key = date.fromisoformat(row["day"]), row["currency"]
    rate = Rate(value=Decimal(row["rate"]), source=row["source"])
    if by_day.setdefault(key, rate) != rate:
        return [f"another rate of {key[1]} on {key[0]} stands above; one is expected"]
    return []


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_rate(text: str) -> bool:
    return _RATE.fullmatch(text) is not None and Decimal(text) > 0
