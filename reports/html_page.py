"""Write a pack as one self-contained HTML file with its styles and charts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.charts import Chart, charts
from reports.grid import Amount, Column, Grid, GridRow, Instant, Value, readable
from reports.pack import Pack, file_stem
from reports.tables.contents import grids
from reports.tables.summary import SUMMARY
from vocabulary.clock import iso

#: Most rows of one table that the page shows, to bound what a browser has to render.
ROWS_SHOWN_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CellText:
    """One value as the page shows it.

    Attributes:
        tone: the CSS class that colours it; empty: none.
        target: the id of the row it links to; empty: none.
    """

    column: Column
    text: str
    tone: str
    target: str


#: The values of one table cell, one below the other.
HtmlCell = Sequence[CellText]


def write_page(pack: Pack, path: Path) -> Path:
    """Write the page; returns its path."""
    path.write_text(render_page(pack), encoding="utf-8")
    return path


def render_page(pack: Pack) -> str:
    """The page as HTML; everything that providers or players wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["iso"] = iso
    tables = grids(pack)
    anchors = {
        str(row[grid.anchor])
        for grid in tables
        if grid.anchor is not None
        for row in grid.rows[:ROWS_SHOWN_MAX]
    }
    return environment.get_template("page.html").render(
        pack=pack,
        stem=file_stem(pack),
        charts=[_titled_svg(chart) for chart in charts(pack)],
        summary=[grid for grid in tables if grid.sheet == SUMMARY],
        details=[grid for grid in tables if grid.sheet != SUMMARY],
        rows_max=ROWS_SHOWN_MAX,
        headings=_headings,
        cells=lambda grid, row: _cells(pack, grid, row, anchors),
    )


def _titled_svg(chart: Chart) -> tuple[str, Markup]:
    # Our own renderer's output, which escapes what it draws.
    return chart.title, Markup(chart.svg)  # noqa: S704


def _headings(grid: Grid) -> list[HtmlCell]:
    headings = [
        CellText(column=column, text=column.heading, tone="", target="")
        for column in grid.columns
    ]
    return list(_stacked(headings))


def _cells(pack: Pack, grid: Grid, row: GridRow, anchors: set[str]) -> list[HtmlCell]:
    values = zip(grid.columns, row, strict=True)
    return list(
        _stacked([_cell_text(pack, column, value, anchors) for column, value in values])
    )


def _stacked(texts: Sequence[CellText]) -> Iterator[HtmlCell]:
    """Group the values of a row into the cells that the page shows."""
    cell: list[CellText] = []
    for text in texts:
        if not text.column.on_page:
            continue
        if cell and not text.column.stacked:
            yield cell
            cell = []
        cell.append(text)
    yield cell


def _cell_text(pack: Pack, column: Column, value: Value, anchors: set[str]) -> CellText:
    text = _text(pack, column, value)
    target = text if column.links and text in anchors else ""
    return CellText(column=column, text=text, tone=_tone(column, value), target=target)


def _text(pack: Pack, column: Column, value: Value) -> str:
    if isinstance(value, Amount):
        sign = "+" if column.signed and value.minor > 0 else ""
        return f"{sign}{pack.exact(value):,f}"
    if isinstance(value, Instant):
        return value.seconds()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return readable(value) if column.is_code_name else value
    return f"{value:,}"


def _tone(column: Column, value: Value) -> str:
    if isinstance(value, Instant):
        return "when"
    if not column.owed or not isinstance(value, Amount) or not value.minor:
        return ""
    return "we-owe" if value.minor > 0 else "they-owe"
