"""The figures of a workbook's charts: every series beside the same categories."""

from datetime import date

from reports.document import SheetChart
from reports.files.workbook_charts import chart_figures
from reports.grid import Amount, Column, Grid, Linked

DAYS = [date(2026, 6, day) for day in (1, 2, 3)]
CHART = SheetChart(
    title="Difference",
    kind="column",
    slug="calendar",
    category="Day",
    value="Difference",
    split=("Provider", "Currency"),
)


def grid(*rows: tuple[object, ...]) -> Grid:
    columns = [Column(name, 10) for name in ("Provider", "Day", "Currency", "Difference")]
    return Grid(
        name="Calendar",
        slug="calendar",
        sheet="Calendar",
        note="",
        empty="",
        columns=columns,
        rows=rows,  # type: ignore[arg-type] # mixed rows
    )


def test_a_day_without_a_figure_moves_no_other_day() -> None:
    euro, dollar = Amount(5, "EUR"), Amount(7, "USD")
    figures = chart_figures(
        grid(
            ("agg", DAYS[1], "EUR", euro),
            ("agg", DAYS[2], "USD", dollar),
            ("book", DAYS[0], "EUR", Linked(euro, "x")),
            ("book", DAYS[1], "-", ""),
        ),
        CHART,
    )

    assert figures.categories == tuple(DAYS)
    assert figures.series == {
        "agg EUR": {DAYS[1]: euro},
        "agg USD": {DAYS[2]: dollar},
        "book EUR": {DAYS[0]: euro},
    }


def test_other_categories_stay_in_the_order_of_the_table() -> None:
    chart = SheetChart(
        title="", kind="column", slug="calendar", category="Currency", value="Difference"
    )
    figures = chart_figures(
        grid(("a", DAYS[0], "under 1 day", 2), ("a", DAYS[0], "1 to 3 days", 0)), chart
    )

    assert figures.categories == ("under 1 day", "1 to 3 days")
    assert figures.series == {"Difference": {"under 1 day": 2, "1 to 3 days": 0}}
