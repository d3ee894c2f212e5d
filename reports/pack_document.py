"""The document of one provider's pack."""

from collections.abc import Iterator

from reports.charts import charts
from reports.document import Document, SheetChart
from reports.pack import Pack, file_stem, period_text
from reports.sentences import sentences, warnings
from reports.tables.calendar import CALENDAR, MATCH_RATE
from reports.tables.contents import grids
from reports.tables.disputes import CLAIMS
from reports.tables.statement import about
from reports.tables.work import AGEING
from vocabulary.clock import iso
from vocabulary.plurals import counted

SHEET_CHARTS = (
    SheetChart(
        title="Difference of GGR day by day, theirs less ours",
        kind="column",
        slug=CALENDAR,
        category="Day",
        value="Difference",
        split=("Currency",),
    ),
    SheetChart(
        title="Open breaks by the day that they are about",
        kind="column",
        slug=CALENDAR,
        category="Day",
        value="Open breaks",
        split=("Currency",),
    ),
    SheetChart(
        title="Rounds that matched, day by day, in percent",
        kind="line",
        slug=MATCH_RATE,
        category="Day",
        value="Matched %",
        highest=100,
    ),
    SheetChart(
        title="Breaks that nobody settled, by age",
        kind="column",
        slug=AGEING,
        category="Age",
        value="Breaks",
        split=("Currency",),
    ),
)
#: Tables of the PDF: on the page that is signed, and after it.
FIRST_PAGE = ("both-sides", "roll-forward", "since-sign-off", "signatures")
NEXT_PAGES = (
    *("breaks-by-kind", AGEING, CALENDAR, "breaks", CLAIMS, "corrections", "comments"),
    *("ledger-bridge", "reporting-currency", "not-read", "about"),
)


def document_of(pack: Pack) -> Document:
    """The document of a pack."""
    return Document(
        title=pack.title,
        subtitle=_subtitle(pack),
        stem=file_stem(pack),
        generated_at=pack.generated_at,
        about=about(pack),
        sentences=sentences(pack),
        warnings=warnings(pack),
        figures=tuple(_figures(pack)),
        grids=grids(pack),
        draw=lambda: charts(pack),
        sheet_charts=SHEET_CHARTS,
        first_page=FIRST_PAGE,
        next_pages=NEXT_PAGES,
        exponents=pack.exponents,
    )


def _subtitle(pack: Pack) -> str:
    generated = f"generated {iso(pack.generated_at)}"
    if pack.window is None:
        return f"No run stored; {generated}"
    period = period_text(pack.window, pack.zone)
    window = f"{iso(pack.window.start)} to {iso(pack.window.end)}"
    if pack.run is not None:
        run = f"run {pack.run.run_id}"
    elif pack.comparisons:
        run = f"{counted(len(pack.comparisons), 'run')} over parts of it"
    else:
        run = "no run"
    return f"{period[0].upper()}{period[1:]}; {window}; {run}; {generated}"


def _figures(pack: Pack) -> Iterator[tuple[str, str]]:
    results = [run.result for run in pack.proved_runs]
    if results:
        sides = [sum(result[side]["rows"] for result in results) for side in ("ours", "theirs")]
        timing = sum(sum(result["timing"].values()) for result in results)
        yield f"{sides[0]:,}", "rounds in our ledger"
        yield f"{sides[1]:,}", "rounds they report"
        yield f"{sum(result['matched'] for result in results):,}", "matched"
        yield f"{timing:,}", "timing: too recent to judge"
    ids = {run.run_id for run in pack.proved_runs}
    from_elsewhere = sum(break_.run_id not in ids for break_ in pack.breaks)
    yield (
        f"{sum(break_.is_unsettled for break_ in pack.breaks):,}",
        "breaks that nobody settled",
    )
    yield f"{len(pack.breaks):,}", "breaks still found"
    yield f"{from_elsewhere:,}", "of them from other runs"
    if results:
        conserved = all(result["conserved"] for result in results)
        yield "yes" if conserved else "NO", "every row accounted for"
