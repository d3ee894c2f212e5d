"""Write a pack as one self-contained HTML file with its styles and charts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

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


#: Writes the cells of a row.
RowWriter = Callable[[GridRow], Markup]
_SPECIAL = re.compile("[&<>'\"]")


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
        row_writer=lambda grid: _row_writer(document, grid, anchors),
    )


def _titled_svg(chart: Chart) -> tuple[str, Markup]:
    # Our own renderer's output, which escapes what it draws.
    return chart.title, Markup(chart.svg)  # noqa: S704


@dataclass(frozen=True, slots=True)
class _PageColumn:
    """A column that the page shows: the HTML that begins a cell, and one of its values.

    A page shows some ten thousand values, so what is the same for all rows is made once.

    Attributes:
        place: in a row of the table.
        cell: ends the cell before and begins one; empty: the value is below the one before.
        span, titled: the HTML before and after a value's tone.
    """

    place: int
    column: Column
    cell: str
    span: str
    titled: str


def _page_columns(grid: Grid, first_tag: str, tag: str) -> Iterator[_PageColumn]:
    """The columns that the page shows; the tags begin the first cell of a row, and others."""
    ends = ""
    for place, column in enumerate(grid.columns):
        if not column.on_page:
            continue
        cell = ""
        if not ends or not column.stacked:
            begins = tag if ends else first_tag
            number = ' class="number"' if column.number else ""
            cell = f"{ends}<{begins}{number}>"
            ends = f"</{begins.split()[0]}>"
        short = " short" if column.width <= 12 and not column.number else ""
        span = f'<span class="v{" code" if column.is_id else short}'
        yield _PageColumn(place, column, cell, span, f'" title="{_escaped(column.heading)}">')


def _headings(grid: Grid) -> Markup:
    columns = _page_columns(grid, 'th scope="col"', 'th scope="col"')
    cells = (
        f"{shown.cell}{shown.span}{shown.titled}{_escaped(shown.column.heading).strip()}</span>"
        for shown in columns
    )
    return Markup("".join(cells) + "</th>")  # noqa: S704 - each value is escaped


def _row_writer(document: Document, grid: Grid, anchors: set[str]) -> RowWriter:
    """Write the cells of rows of a table; a value is escaped where it is put in."""
    columns = list(_page_columns(grid, 'th scope="row"', "td"))
    ends_first = sum(bool(column.cell) for column in columns) == 1

    def cells(row: GridRow) -> Markup:
        html: list[str] = []
        for shown in columns:
            value = row[shown.place]
            tone = _tone(shown.column, value)
            html += (
                shown.cell,
                f"{shown.span} {tone}" if tone else shown.span,
                shown.titled,
                _value_html(document, shown.column, value, anchors),
                "</span>",
            )
        return Markup("".join(html) + ("</th>" if ends_first else "</td>"))  # noqa: S704

    return cells


def _value_html(document: Document, column: Column, value: Value, anchors: set[str]) -> str:
    text = document.text(column, value)
    to = value.to if isinstance(value, Linked) else text if column.links else ""
    if to and to in anchors:
        return f'<a href="#{_escaped(to)}">{_escaped(text)}</a>'
    return _escaped(text).strip()


def _escaped(text: str) -> str:
    return str(escape(text)) if _SPECIAL.search(text) else text


def _tone(column: Column, value: Value) -> str:
    value = plain(value)
    if isinstance(value, Instant):
        return "when"
    if not column.owed or not isinstance(value, Amount) or not value.minor:
        return ""
    return "we-owe" if value.minor > 0 else "they-owe"
