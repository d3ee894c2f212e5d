"""Write a pack as CSV: exact amounts and ids, and no text that a spreadsheet would run.

Every text is quoted, so a separator in it separates nothing. A spreadsheet that expects another
separator ignores these quotes, so text that would be a formula after a comma, semicolon, tab or
line break inside of it is protected like one at its start: by an apostrophe. A plain number is
no formula, so an id such as ``-42`` is written as it is.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from reports.document import Document
from reports.files.formulas import escape_formula
from reports.grid import Amount, Grid, Instant, Value, plain
from vocabulary.clock import iso

# What a spreadsheet reads as a number or a date: it drops zeros, and digits after the 15th.
_NUMBER_OR_DATE = re.compile(r"[-+]?[0-9][0-9.,:/eE+-]*", re.ASCII)


def write_tables(
    document: Document, folder: Path, *, protect_ids: bool = False
) -> tuple[Path, ...]:
    """Write one CSV file per table; returns the paths.

    ``protect_ids``: write ids that look like numbers as ``="..."``, so that a spreadsheet keeps
    all of their digits.
    """
    return tuple(
        _write(
            document, grid, folder / f"{document.stem}-{grid.slug}.csv", protect_ids=protect_ids
        )
        for grid in document.grids
    )


def table_lines(document: Document, grid: Grid, *, protect_ids: bool = False) -> Iterator[str]:
    """One table as lines of CSV, its headings first."""
    yield _line(quoted(column.name or column.heading) for column in grid.columns)
    protected = [protect_ids and column.is_id for column in grid.columns]
    for row in grid.rows:
        cells = zip(row, protected, strict=True)
        yield _line([_cell(document, value, protect=protect) for value, protect in cells])


def _write(document: Document, grid: Grid, path: Path, *, protect_ids: bool) -> Path:
    # With the byte order mark, spreadsheets read the file as UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.writelines(table_lines(document, grid, protect_ids=protect_ids))
    return path


def _line(cells: Iterable[str]) -> str:
    return ",".join(cells) + "\r\n"


def _cell(document: Document, value: Value, *, protect: bool) -> str:
    match plain(value):
        case "":
            return ""
        case str() as text:
            is_protected = protect and _NUMBER_OR_DATE.fullmatch(text)
            return quoted(f'="{text}"' if is_protected else escape_formula(text))
        case Amount() as amount:
            return f"{document.exact(amount):f}"
        case Instant(at=instant):
            return iso(instant)
        case date() as day:
            return day.isoformat()
        case int() as count:
            return str(count)


def quoted(text: str) -> str:
    """A text as a cell of a CSV."""
    return '"' + text.replace('"', '""') + '"'
