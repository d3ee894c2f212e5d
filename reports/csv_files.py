"""Write a pack as CSV: exact amounts and ids, and no text that a spreadsheet would run.

Every text is quoted, so a separator in it separates nothing. A spreadsheet that expects another
separator ignores these quotes, so text that would be a formula after a comma, semicolon, tab or
line break inside of it is protected like one at its start: by an apostrophe. A plain number is
no formula, so an id such as ``-42`` is written as it is.
"""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from reports.formulas import escape_formula
from reports.grid import Amount, Column, Grid, Instant, Value
from reports.pack import Pack
from reports.tables.contents import grids
from vocabulary.clock import iso

# What a spreadsheet reads as a number or a date: it drops zeros, and digits after the 15th.
_NUMBER_OR_DATE = re.compile(r"[-+]?[0-9][0-9.,:/eE+-]*", re.ASCII)


def write_tables(
    pack: Pack, folder: Path, name: str, *, protect_ids: bool = False
) -> tuple[Path, ...]:
    """Write one CSV file per table; returns the paths.

    ``protect_ids``: write ids that look like numbers as ``="..."``, so that a spreadsheet keeps
    all of their digits.
    """
    return tuple(
        _write(pack, grid, folder / f"{name}-{grid.slug}.csv", protect_ids=protect_ids)
        for grid in grids(pack)
    )


def _write(pack: Pack, grid: Grid, path: Path, *, protect_ids: bool) -> Path:
    headings = [_quoted(column.name or column.heading) for column in grid.columns]
    # With the byte order mark, spreadsheets read the file as UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(_line(headings))
        for row in grid.rows:
            cells = zip(grid.columns, row, strict=True)
            file.write(_line(_cell(pack, *cell, protect_ids=protect_ids) for cell in cells))
    return path


def _line(cells: Iterable[str]) -> str:
    return ",".join(cells) + "\r\n"


def _cell(pack: Pack, column: Column, value: Value, *, protect_ids: bool) -> str:
    match value:
        case Amount():
            return f"{pack.exact(value):f}"
        case Instant():
            return iso(value.at)
        case date():
            return value.isoformat()
        case int():
            return str(value)
        case "":
            return ""
        case str():
            is_protected = protect_ids and column.is_id and _NUMBER_OR_DATE.fullmatch(value)
            return _quoted(f'="{value}"' if is_protected else escape_formula(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
