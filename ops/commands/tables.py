"""Rows and cells on a terminal."""

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Column, Table

from ops.commands.json_output import print_json
from vocabulary.currencies import Exponents
from vocabulary.money import Money

#: The width of a file or pipe, in columns.
_UNLIMITED = 10_000
#: The width of lists that are not printed on a terminal, in columns.
_NARROW = 80
#: Between two cells, and before the second line of a row.
_GAP = "  "
_INDENT = "  "


def text(minor: int, currency: str, exponents: Exponents) -> str:
    """Minor units as a decimal string; ``exponents``: as ``own_exponents`` has them."""
    return Money(minor, currency).text(exponents=exponents)


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
    """Print a table whose cells stay whole: long ones are folded, none is cut.

    Without a terminal, what is wider than the output is printed as ``wide_table`` does.
    """
    console = open_console()
    if not console.is_terminal and console.measure(grid).maximum > _output_width():
        headings, *rows = zip(*map(_column_cells, grid.columns), strict=True)
        _print_wide(headings, rows, left=len(headings))
        return
    for column in grid.columns:
        column.overflow = "fold"
    console.print(grid)


def _column_cells(column: Column) -> list[str]:
    return [str(cell) for cell in (column.header, *column.cells)]


def open_console() -> Console:
    """A console that is as wide as what it prints, unless a terminal says how wide it is.

    Without a terminal 80 columns are assumed, in which amounts and ids have no room. Brackets
    and colons of providers' texts are no mark-up.
    """
    console = Console(markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(markup=False, emoji=False, width=_UNLIMITED)


def wide_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int,
    empty: str,
    below: Sequence[str] = (),
) -> None:
    """Print rows whose cells stay whole; what is wider than the output goes on a further line.

    Args:
        columns: the headings.
        rows: the cells.
        left: how many columns hold words; the others hold figures, which end below each other.
        empty: the sentence that is printed if there are no rows.
        below: for each row a text that follows it, or an empty one; () for none at all.
    """
    body = [list(row) for row in rows]
    if not body:
        typer.echo(empty)
        return
    _print_wide(columns, body, left=left, below=below)


def _print_wide(
    columns: Sequence[str],
    body: Sequence[Sequence[str]],
    *,
    left: int,
    below: Sequence[str] = (),
) -> None:
    lines = [list(columns), *body]
    notes = ["", *(below or [""] * len(body))]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    room = _output_width()
    parts = _parts(widths, left, room)
    for line, note in zip(lines, notes, strict=True):
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for number, part in enumerate(parts):
            indent = _INDENT if number else ""
            printed = (indent + _GAP.join(cells[part.start : part.stop])).rstrip()
            if printed or not number:  # nothing further may be left of the row
                typer.echo(printed)
        for text_line in textwrap.wrap(note, room - len(_INDENT), break_long_words=False):
            typer.echo(_INDENT + text_line)


def _parts(widths: Sequence[int], left: int, room: int) -> list[range]:
    """The columns that each line of a row holds.

    One line if it has room, else one of words and one of figures; if these have no room either,
    as many lines as it takes, each with as many columns as have room, and at least one.
    """
    every, words, figures = range(len(widths)), range(left), range(left, len(widths))
    if _width(widths, every) <= room:
        return [every]
    if 0 < left < len(widths) and max(_width(widths, words), _width(widths, figures)) <= room:
        return [words, figures]
    parts, begin = [], 0
    for number in range(1, len(widths)):
        if _width(widths, range(begin, number + 1)) > room:
            parts.append(range(begin, number))
            begin = number
    return [*parts, range(begin, len(widths))]


def _width(widths: Sequence[int], part: range) -> int:
    """The columns that a line takes, with its indent."""
    indent = len(_INDENT) if part.start else 0
    cells = sum(widths[number] for number in part)
    return indent + cells + len(_GAP) * (len(part) - 1)


def _output_width() -> int:
    """The columns of the terminal; without one, ``COLUMNS``, or what every terminal has."""
    console = Console()
    has_width = console.is_terminal or "COLUMNS" in os.environ
    return console.width if has_width else _NARROW


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
