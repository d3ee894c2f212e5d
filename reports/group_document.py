"""The document of the statement over all providers."""

from collections.abc import Iterator

from reports.charts import group_charts
from reports.document import Document, SheetChart
from reports.group import GroupPack
from reports.tables.calendar import CALENDAR, MATCH_RATE
from reports.tables.disputes import CLAIMS
from reports.tables.group import PROVIDERS, group_about, group_grids
from reports.tables.work import AGEING
from vocabulary.clock import iso

_SPLIT = ("Provider", "Currency")
SHEET_CHARTS = (
    SheetChart(
        title="Difference of GGR day by day, theirs less ours",
        kind="column",
        slug=CALENDAR,
        category="Day",
        value="Difference",
        split=_SPLIT,
    ),
    SheetChart(
        title="Open breaks by the day that they are about",
        kind="column",
        slug=CALENDAR,
        category="Day",
        value="Open breaks",
        split=_SPLIT,
    ),
    SheetChart(
        title="Rounds that matched, day by day, in percent",
        kind="line",
        slug=MATCH_RATE,
        category="Day",
        value="Matched %",
        split=("Provider",),
        highest=100,
    ),
    SheetChart(
        title="Breaks that nobody settled, by age",
        kind="column",
        slug=AGEING,
        category="Age",
        value="Breaks",
        split=_SPLIT,
    ),
)
FIRST_PAGE = (PROVIDERS, "reporting-currency", "roll-forward", "since-sign-off", "signatures")
NEXT_PAGES = (
    *("roll-forward-by-provider", "signatures-by-provider", AGEING, CALENDAR, "breaks"),
    *(CLAIMS, "corrections", "comments"),
)


def group_document(group: GroupPack) -> Document:
    """The document of a group."""
    return Document(
        title="Reconciliation of all providers",
        subtitle=f"{group.period[0].upper()}{group.period[1:]}; generated"
        f" {iso(group.generated_at)}",
        stem=group.stem,
        generated_at=group.generated_at,
        about=group_about(group),
        sentences=tuple(result.sentence() for result in group.results)
        or ("No provider has a round that was compared in this period.",),
        warnings=group.warnings,
        figures=tuple(_figures(group)),
        grids=group_grids(group),
        draw=lambda: group_charts(group),
        sheet_charts=SHEET_CHARTS,
        first_page=FIRST_PAGE,
        next_pages=NEXT_PAGES,
    )


def _figures(group: GroupPack) -> Iterator[tuple[str, str]]:
    days = group.days
    breaks = [break_ for pack in group.packs for break_ in pack.breaks]
    yield f"{len(group.packs)}", "providers"
    yield f"{sum(day.state == 'signed' for day in days)} of {len(days)}", "days signed"
    yield f"{sum(break_.is_unsettled for break_ in breaks):,}", "breaks that nobody settled"
    compared = sum(pack.is_compared for pack in group.packs)
    yield f"{compared} of {len(group.packs)}", "providers compared"
