"""The charts of a workbook: native ones, drawn from the cells of its tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports.document import Document, SheetChart
from reports.grid import Grid, plain
from reports.workbook_formats import Formats

#: The sheet of the charts.
CHARTS = "Charts"
_COLOURS = ("#2F6690", "#B3432B", "#3A7D44", "#7D8894", "#B8860B", "#6A4C93")
#: Rows of the sheet that one chart covers, columns between two charts, and charts in a row.
_ROWS, _COLUMNS, _IN_A_ROW = 19, 9, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a table is: its sheet, the row of its heading, the order of its columns."""

    sheet: str
    heading: int
    grid: Grid
    order: list[int]

    def column(self, heading: str) -> int:
        """The column of the sheet with that heading."""
        headings = [column.heading for column in self.grid.columns]
        return self.order.index(headings.index(heading))

    def cells(self, heading: str, rows: range) -> list[object]:
        """The range of some rows of a column, as a chart takes it."""
        first, column = self.heading + 1, self.column(heading)
        return [self.sheet, first + rows.start, column, first + rows.stop - 1, column]


def draw_charts(
    book: Any, formats: Formats, document: Document, places: dict[str, Place]
) -> None:
    """Add a sheet with the charts whose tables have rows; without any, no sheet."""
    drawn = [
        (chart, places[chart.slug])
        for chart in document.sheet_charts
        if chart.slug in places and _has_several(places[chart.slug].grid, chart)
    ]
    if not drawn:
        return
    worksheet = book.add_worksheet(CHARTS)
    worksheet.write_string(0, 0, f"{document.title}: {CHARTS}", formats.title)
    worksheet.write_string(1, 0, document.subtitle, formats.subtitle)
    for number, (chart, place) in enumerate(drawn):
        down, across = divmod(number, _IN_A_ROW)
        worksheet.insert_chart(3 + down * _ROWS, across * _COLUMNS, _native(book, chart, place))
    worksheet.freeze_panes(2, 0)
    worksheet.set_landscape()
    worksheet.set_paper(9)  # A4
    worksheet.fit_to_pages(1, 0)
    worksheet.set_footer("&L" + document.title.replace("&", "&&") + "&RPage &P of &N")


def _has_several(grid: Grid, chart: SheetChart) -> bool:
    """Whether there is something to compare: more than one category."""
    headings = [column.heading for column in grid.columns]
    category = headings.index(chart.category)
    return len({str(plain(row[category])) for row in grid.rows}) > 1


def _native(book: Any, chart: SheetChart, place: Place) -> Any:
    native = book.add_chart({"type": chart.kind})
    for number, (name, rows) in enumerate(_series(place.grid, chart)):
        colour = _COLOURS[number % len(_COLOURS)]
        native.add_series(
            {
                "name": name,
                "categories": place.cells(chart.category, rows),
                "values": place.cells(chart.value, rows),
                "fill": {"color": colour},
                "line": {"color": colour},
                "gap": 60,
            }
        )
    native.set_title({"name": chart.title, "name_font": {"size": 12}, "overlay": False})
    native.set_size({"width": 560, "height": 340})
    native.set_legend({"position": "bottom"} if chart.split else {"none": True})
    axis: dict[str, object] = {"label_position": "low", "num_font": {"size": 9}}
    if chart.category == "Day":
        axis |= {"num_format": "dd mmm", "date_axis": False}
    native.set_x_axis(axis)
    gridlines = {"visible": True, "line": {"color": "#D3DBE4"}}
    native.set_y_axis({"major_gridlines": gridlines, "max": chart.highest})
    return native


def _series(grid: Grid, chart: SheetChart) -> Iterator[tuple[str, range]]:
    """The rows of each series: neighbours with the same value in the splitting column."""
    if chart.split is None:
        yield chart.value, range(len(grid.rows))
        return
    headings: Sequence[str] = [column.heading for column in grid.columns]
    names = [str(plain(row[headings.index(chart.split)])) for row in grid.rows]
    first = 0
    for number, name in enumerate(names):
        if number + 1 == len(names) or names[number + 1] != name:
            yield name, range(first, number + 1)
            first = number + 1
