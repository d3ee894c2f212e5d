"""Write a pack as one self-contained HTML file with its styles and charts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.document import Chart, Document
from reports.grid import (
    STATEMENT,
    SUMMARY,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Linked,
    Value,
    plain,
)
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


def write_page(document: Document, path: Path) -> Path:
    """Write the page; returns its path."""
    path.write_text(render_page(document), encoding="utf-8")
    return path


def render_page(document: Document) -> str:
    """The page as HTML; everything that providers or players wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["iso"] = iso
    tables = document.grids
    anchors = {
        str(plain(row[grid.anchor]))
        for grid in tables
        if grid.anchor is not None
        for row in grid.rows[:ROWS_SHOWN_MAX]
    }
    return environment.get_template("page.html").render(
        document=document,
        charts=[_titled_svg(chart) for chart in document.draw()],
        statement=[grid for grid in tables if grid.sheet == STATEMENT],
        summary=[grid for grid in tables if grid.sheet == SUMMARY],
        details=[grid for grid in tables if grid.sheet not in {STATEMENT, SUMMARY}],
        rows_max=ROWS_SHOWN_MAX,
        headings=_headings,
        cells=lambda grid, row: _cells(document, grid, row, anchors),
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


def _cells(document: Document, grid: Grid, row: GridRow, anchors: set[str]) -> list[HtmlCell]:
    values = zip(grid.columns, row, strict=True)
    return list(
        _stacked([_cell_text(document, column, value, anchors) for column, value in values])
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


def _cell_text(document: Document, column: Column, value: Value, anchors: set[str]) -> CellText:
    text = document.text(column, value)
    to = value.to if isinstance(value, Linked) else text if column.links else ""
    return CellText(
        column=column,
        text=text,
        tone=_tone(column, value),
        target=to if to in anchors else "",
    )


def _tone(column: Column, value: Value) -> str:
    value = plain(value)
    if isinstance(value, Instant):
        return "when"
    if not column.owed or not isinstance(value, Amount) or not value.minor:
        return ""
    return "we-owe" if value.minor > 0 else "they-owe"
