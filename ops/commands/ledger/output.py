"""Values of options, and tables, for the commands about money."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from rich.console import Console
from rich.table import Table

from ops.commands.json_output import print_json
from ops.settings.durations import parse_duration
from vocabulary.errors import Malformed
from vocabulary.money import Money


def positive(amount: str, currency: str, option: str = "--amount") -> Money:
    """An amount above zero.

    Raises:
        Malformed: anything else; names the option.
    """
    money = Money.parse(amount, currency)
    if money.minor <= 0:
        raise Malformed(option, "an amount above zero is expected")
    return money


def text(minor: int, currency: str) -> str:
    """Minor units as a decimal string."""
    return Money(minor, currency).text()


def instant(at: datetime | None) -> str | None:
    """An instant as ISO 8601."""
    return None if at is None else at.isoformat()


def read_instant(value: str, option: str) -> datetime:
    """An ISO 8601 instant; without an offset, UTC is meant; a date alone is its midnight.

    Raises:
        Malformed: anything else; names the option.
    """
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise Malformed(
            option, "an instant such as 2026-06-04T12:00:00Z is expected"
        ) from error
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def read_until(value: str, option: str, now: datetime) -> datetime:
    """An instant to come, or a duration from now.

    Raises:
        Malformed: neither, or an instant that has passed; names the option.
    """
    try:
        parsed = now + parse_duration(value)
    except ValueError:
        parsed = read_instant(value, option)
    if parsed <= now:
        raise Malformed(option, "an instant to come is expected")
    return parsed


def read_day(value: str | None, option: str) -> date | None:
    """An ISO 8601 date, or None.

    Raises:
        Malformed: anything else; names the option.
    """
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise Malformed(option, "a date such as 2026-06-04 is expected") from error


def read_duration(value: str, option: str) -> timedelta:
    """A duration such as 24h.

    Raises:
        Malformed: anything else; names the option.
    """
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Malformed(option, "a duration such as 24h or 30d is expected") from error


def table(columns: list[str], rows: Iterable[list[str]]) -> None:
    """Print rows under their columns."""
    grid = Table(*columns)
    for row in rows:
        grid.add_row(*row)
    Console().print(grid)


def print_rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool
) -> None:
    """Print rows as JSON, or some of their columns as a table."""
    if as_json:
        print_json(rows)
    else:
        table(list(columns), ([_cell(row[name]) for name in columns] for row in rows))


def _cell(value: object) -> str:
    return "" if value is None or value is False else str(value)
