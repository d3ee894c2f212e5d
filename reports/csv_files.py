"""The pack as CSV: exact decimal text, and text that no spreadsheet takes for a formula."""

import csv
from pathlib import Path

from reports.grid import Amount, Grid, Instant, Value
from reports.report import Pack
from reports.tables.contents import grids
from vocabulary.clock import iso

#: First characters that make a spreadsheet read a cell as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_tables(pack: Pack, folder: Path, name: str) -> tuple[Path, ...]:
    """Write every table; returns the paths."""
    return tuple(_write(pack, grid, folder / f"{name}-{grid.slug}.csv") for grid in grids(pack))


def escape_formula(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write(pack: Pack, grid: Grid, path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([each.name or each.heading for each in grid.columns])
        writer.writerows([_cell(pack, each) for each in row] for row in grid.rows)
    return path


def _cell(pack: Pack, value: Value) -> str | int:
    if isinstance(value, Amount):
        return f"{pack.exact(value):f}"
    if isinstance(value, Instant):
        return iso(value.at)
    return escape_formula(value) if isinstance(value, str) else value
