"""Months in UTC, and the tables that are archived by month. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple


class MonthTable(NamedTuple):
    """A table that is archived by month beside the days of the ledger.

    Attributes:
        rows: what follows SELECT and the columns of ``t``, with {since} and {until}.
    """

    table: str
    rows: str


def month_end(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """The first instant of a month in UTC, and the first one after it."""
    return (
        datetime.combine(month, time(), UTC),
        datetime.combine(month_end(month), time(), UTC),
    )
