"""Rows and cells on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.json_output import print_json
from vocabulary.money import Money

#: The width of a file or pipe, in columns.
_UNLIMITED = 10_000


def text(minor: int, currency: str) -> str:
    """Minor units as a decimal string."""
    return Money(minor, currency).text()


def instant(moment: datetime | None) -> str | None:
    """An instant as ISO 8601."""
    return None if moment is None else moment.isoformat()


def table(columns: list[str], rows: Iterable[list[str]]) -> None:
    """Print rows under their columns."""
    grid = Table(*columns)
    for row in rows:
        grid.add_row(*row)
    print_table(grid)


def print_table(grid: Table) -> None:
    """Print a table whose cells stay whole: long ones are folded, none is cut."""
    for column in grid.columns:
        column.overflow = "fold"
    open_console().print(grid)


def open_console() -> Console:
    """A console that is as wide as what it prints, unless a terminal says how wide it is.

    Without a terminal 80 columns are assumed, in which amounts and ids have no room.
    """
    console = Console()
    return console if console.is_terminal else Console(width=_UNLIMITED)


def wide_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> None:
    """Print rows that must stay whole, however narrow the terminal is.

    Args:
        columns: the headings.
        rows: the cells.
        left: how many columns hold words; the others hold figures, which end below each other.
    """
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    for line in lines:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


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
