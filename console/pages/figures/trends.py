"""Trends: charts that answer one question each, with a table and a file of their values."""

from console.config import Visit
from console.downloads import TableFile
from console.pages.figures.sentences import totals_sentence
from console.pages.figures.span import read_span
from console.pages.figures.trend_charts import CHARTS, TrendChart, charts_of
from console.pages.figures.trend_data import TrendData, read_trends
from console.replies import FileDownload, HtmlPage, not_found
from vocabulary.currencies import is_currency
from vocabulary.errors import Malformed

#: Days of the page without a choice, and rows of a table that the page shows.
DAYS, ROWS_MAX = 14, 40


def show(visit: Visit) -> HtmlPage:
    """Every chart over the chosen days."""
    data = read_data(visit)
    values = {
        "sentence": totals_sentence(data.span, data.foot, data.coverage),
        "data": data,
        "charts": [(chart, _table(chart, data)) for chart in charts_of(data)],
        "rows_max": ROWS_MAX,
        "config": visit.config,
    }
    return HtmlPage(template="figures/trends.html", values=values)


def download(visit: Visit) -> FileDownload:
    """The values of one chart as CSV."""
    slug = visit.path["chart"]
    if slug not in CHARTS:
        raise not_found("chart", slug)
    data = read_data(visit)
    return _table(CHARTS[slug](data), data).csv()


def read_data(visit: Visit) -> TrendData:
    """The figures of the charts over the days that the address names."""
    currency = visit.query.get("currency", "").strip() or None
    if currency is not None and not is_currency(currency):
        raise Malformed("currency", "a currency code such as EUR is expected")
    span = read_span(visit, visit.query, days=DAYS)
    return read_trends(visit.console, span, currency)


def _table(chart: TrendChart, data: TrendData) -> TableFile:
    span = data.span
    return TableFile(
        grid=chart.grid,
        stem=f"{chart.slug}-{span.provider or 'all'}-{span.first}-{span.last}",
        subtitle=f"{span.words}, {span.provider or 'all providers'}",
        at=data.summed_at,
    )
