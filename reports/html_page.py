"""The pack as one HTML file that needs nothing else: styles and charts are inside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.charts import Chart, charts
from reports.grid import Amount, Column, Grid, GridRow, Instant, Value, readable
from reports.report import Pack, file_stem
from reports.tables.contents import grids
from reports.tables.summary import SUMMARY
from vocabulary.clock import iso

#: Rows of one table that the page shows: a browser has to hold them all.
ROWS_SHOWN_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CellText:
    """One value as the page writes it; ``tone`` colours it, ``to`` is where it links to."""

    column: Column
    text: str
    tone: str
    to: str


#: Values that stand in one cell, one below the other.
HtmlCell = Sequence[CellText]


def write_page(pack: Pack, path: Path) -> Path:
    """Write the page; returns its path."""
    path.write_text(render_page(pack), encoding="utf-8")
    return path


def render_page(pack: Pack) -> str:
    """The page as text; everything a provider or player wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["iso"] = iso
    every = grids(pack)
    anchored = {
        str(row[grid.anchor])
        for grid in every
        if grid.anchor is not None
        for row in grid.rows[:ROWS_SHOWN_MAX]
    }
    return environment.get_template("page.html").render(
        pack=pack,
        stem=file_stem(pack),
        charts=[_drawn(each) for each in charts(pack)],
        first=[grid for grid in every if grid.sheet == SUMMARY],
        others=[grid for grid in every if grid.sheet != SUMMARY],
        most=ROWS_SHOWN_MAX,
        headings=_headings,
        cells=lambda grid, row: _cells(pack, grid, row, anchored),
    )


def _drawn(chart: Chart) -> tuple[str, Markup]:
    # Our own renderer's output, which escapes what it draws.
    return chart.title, Markup(chart.svg)  # noqa: S704


def _headings(grid: Grid) -> list[HtmlCell]:
    told = [CellText(column=each, text=each.heading, tone="", to="") for each in grid.columns]
    return list(_stacked(told))


def _cells(pack: Pack, grid: Grid, row: GridRow, anchored: set[str]) -> list[HtmlCell]:
    told = [_shown(pack, c, v, anchored) for c, v in zip(grid.columns, row, strict=True)]
    return list(_stacked(told))


def _stacked(told: Sequence[CellText]) -> Iterator[HtmlCell]:
    """What the page shows of a row, cell by cell."""
    cell: list[CellText] = []
    for each in told:
        if not each.column.page:
            continue
        if cell and not each.column.under:
            yield cell
            cell = []
        cell.append(each)
    yield cell


def _shown(pack: Pack, column: Column, value: Value, anchored: set[str]) -> CellText:
    told = _text(pack, column, value)
    to = told if column.links and told in anchored else ""
    return CellText(column=column, text=told, tone=_tone(column, value), to=to)


def _text(pack: Pack, column: Column, value: Value) -> str:
    if isinstance(value, Amount):
        sign = "+" if column.signed and value.minor > 0 else ""
        return f"{sign}{pack.exact(value):,f}"
    if isinstance(value, Instant):
        return value.seconds()
    if isinstance(value, str):
        return readable(value) if column.named else value
    return f"{value:,}"


def _tone(column: Column, value: Value) -> str:
    if isinstance(value, Instant):
        return "when"
    if not column.owed or not isinstance(value, Amount) or not value.minor:
        return ""
    return "we-owe" if value.minor > 0 else "they-owe"
