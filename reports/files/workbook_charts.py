"""The charts of a workbook: native ones, drawn from the figures of its tables.

All series of a spreadsheet's chart share the categories of the first one. So the figures are
laid out to the right of the charts, a row for each category and a column for each series: a day
without a figure is a gap, and moves no other day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.document import Document, SheetChart
from reports.files.workbook_formats import Formats
from reports.grid import Amount, Column, Grid, GridRow, Plain, plain

#: The sheet of the charts.
CHARTS = "Charts"
_COLOURS = ("#2F6690", "#B3432B", "#3A7D44", "#7D8894", "#B8860B", "#6A4C93")
#: Rows of the sheet that one chart covers, columns between two charts, and charts in a row.
_ROWS, _COLUMNS, _IN_A_ROW = 19, 9, 2
#: The row of the headings of the figures, and the first column of them.
_HEADING, _FIRST_COLUMN = 3, _COLUMNS * _IN_A_ROW + 2
_WIDTH = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFigures:
    """The figures of a chart.

    Attributes:
        categories: days in order of time, others as the table has them first.
        series: by name, the value of each category that has one.
    """

    categories: tuple[Plain, ...]
    series: Mapping[str, Mapping[Plain, Plain]]


def chart_figures(grid: Grid, chart: SheetChart) -> ChartFigures:
    """The figures that a chart draws from its table."""
    headings = [column.heading for column in grid.columns]
    category, value = headings.index(chart.category), headings.index(chart.value)
    split = [headings.index(heading) for heading in chart.split]
    series: dict[str, dict[Plain, Plain]] = {}
    for row in grid.rows:
        figure = plain(row[value])
        if isinstance(figure, Amount | int):
            name = _name(row, split) or chart.value
            series.setdefault(name, {})[plain(row[category])] = figure
    categories = list(dict.fromkeys(plain(row[category]) for row in grid.rows))
    days = [one for one in categories if isinstance(one, date)]
    in_order = sorted(days) if len(days) == len(categories) else categories
    return ChartFigures(categories=tuple(in_order), series=series)


def draw_charts(book: Any, formats: Formats, document: Document) -> None:
    """Add a sheet with the charts whose tables have rows; without any, no sheet."""
    grids = {grid.slug: grid for grid in document.grids}
    drawn = [
        (chart, figures)
        for chart in document.sheet_charts
        if chart.slug in grids
        and len((figures := chart_figures(grids[chart.slug], chart)).categories) > 1
        and figures.series
    ]
    if not drawn:
        return
    worksheet = book.add_worksheet(CHARTS)
    worksheet.write_string(0, 0, f"{document.title}: {CHARTS}", formats.title)
    worksheet.write_string(1, 0, document.subtitle, formats.subtitle)
    column = _FIRST_COLUMN
    for number, (chart, figures) in enumerate(drawn):
        down, across = divmod(number, _IN_A_ROW)
        _write_figures(worksheet, formats, document, figures, (chart, column))
        native = _native(book, chart, figures, column)
        worksheet.insert_chart(3 + down * _ROWS, across * _COLUMNS, native)
        column += len(figures.series) + 2
    worksheet.set_column(_FIRST_COLUMN, column, _WIDTH)
    worksheet.freeze_panes(2, 0)
    worksheet.set_landscape()
    worksheet.set_paper(9)  # A4
    last = 3 + -(-len(drawn) // _IN_A_ROW) * _ROWS
    worksheet.print_area(0, 0, last, _COLUMNS * _IN_A_ROW - 1)
    worksheet.fit_to_pages(1, 0)
    worksheet.set_footer("&L" + document.title.replace("&", "&&") + "&RPage &P of &N")


def _name(row: GridRow, split: list[int]) -> str:
    return " ".join(str(plain(row[number])) for number in split)


def _write_figures(
    worksheet: Any,
    formats: Formats,
    document: Document,
    figures: ChartFigures,
    where: tuple[SheetChart, int],
) -> None:
    """Write the categories, and beside them the values of each series."""
    chart, column = where
    worksheet.write_string(_HEADING - 1, column, chart.title, formats.table_title)
    names = [chart.category, *figures.series]
    for number, name in enumerate(names):
        style = formats.heading(Column(name, _WIDTH, number=number > 0))
        worksheet.write_string(_HEADING, column + number, name, style)
    values = list(figures.series.values())
    for line, category in enumerate(figures.categories, start=_HEADING + 1):
        if isinstance(category, date):
            style = formats.moment("yyyy-mm-dd", foot=False)
            worksheet.write_datetime(line, column, category, style)
        else:
            worksheet.write_string(line, column, str(category))
        for number, of_series in enumerate(values, start=1):
            figure = of_series.get(category)
            if isinstance(figure, Amount):
                worksheet.write_number(line, column + number, document.exact(figure))
            elif isinstance(figure, int):
                worksheet.write_number(line, column + number, figure)


def _native(book: Any, chart: SheetChart, figures: ChartFigures, column: int) -> Any:
    native = book.add_chart({"type": chart.kind})
    rows = (_HEADING + 1, _HEADING + len(figures.categories))
    for number, name in enumerate(figures.series):
        colour = _COLOURS[number % len(_COLOURS)]
        values = column + 1 + number
        native.add_series(
            {
                "name": name,
                "categories": [CHARTS, rows[0], column, rows[1], column],
                "values": [CHARTS, rows[0], values, rows[1], values],
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
