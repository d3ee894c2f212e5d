"""Write a pack as CSV: exact decimal amounts, and no text that a spreadsheet would run."""

import csv
from pathlib import Path

from reports.grid import Amount, Grid, Instant, Value
from reports.report import Pack
from reports.tables.contents import grids
from vocabulary.clock import iso

#: First characters that make a spreadsheet read a cell as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_tables(pack: Pack, folder: Path, name: str) -> tuple[Path, ...]:
    """Write one CSV file per table; returns the paths."""
    return tuple(_write(pack, grid, folder / f"{name}-{grid.slug}.csv") for grid in grids(pack))


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would read it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _write(pack: Pack, grid: Grid, path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name or column.heading for column in grid.columns])
        writer.writerows([_cell(pack, value) for value in row] for row in grid.rows)
    return path


def _cell(pack: Pack, value: Value) -> str | int:
    if isinstance(value, Amount):
        return f"{pack.exact(value):f}"
    if isinstance(value, Instant):
        return iso(value.at)
    return escape_formula(value) if isinstance(value, str) else value
