"""The period day by day: state, difference, open breaks; and how many rounds matched."""

from collections.abc import Iterator

from reconcile.days.figures import NO_MONEY, NO_TOTALS
from reconcile.days.states import DayAction, DayState, DayStatus
from reconcile.totals.resolution_rate import percent
from reports.coverage import ComparedWindow
from reports.grid import Amount, Column, Grid, GridRow, Instant, Value, amount_columns, linked
from reports.pack import Pack
from reports.tables.statement import standing_step

CALENDAR = "calendar"
MATCH_RATE = "match-rate"
NOT_COMPARED = "NOT COMPARED"
#: Marks an amount as a percentage with two digits.
_PERCENT = "%"


def calendar_grid(pack: Pack) -> Grid:
    """Every business day of the window, by currency."""
    rows = [row for day in _days(pack) for row in _day_rows(pack, day)]
    return Grid(
        name="Calendar",
        slug=CALENDAR,
        sheet="Calendar",
        note="Every business day, by currency, with the figures of now. The difference is GGR,"
        " theirs less ours; what breaks do not explain of a day may be timing, or a round that"
        " they count on the day after. Open breaks are those that began on the day and that"
        " nobody settled.",
        empty="No business day is in this window." if pack.window else pack.empty_text,
        columns=(
            *(Column("Day", 12), Column("Currency", 10), Column("State", 18)),
            *amount_columns(("GGR ours", "GGR theirs")),
            *amount_columns(("Difference", "In breaks", "Unexplained"), 14, signed=True),
            Column("Open breaks", 10, number=True),
            *amount_columns(("Open money",), 14),
            *(Column("Prepared by", 18), Column("Signed by", 18)),
        ),
        rows=sorted(rows, key=_by_currency),
    )


def _by_currency(row: GridRow) -> tuple[str, str]:
    """Days of one currency are neighbours."""
    return str(row[1]), str(row[0])


def _day_rows(pack: Pack, day: DayStatus) -> Iterator[GridRow]:
    """The rows of a day, one for each currency; one without figures if there is none."""
    names: list[Value] = [
        step.by if step else ""
        for step in (standing_step(day, DayAction.PREPARE), standing_step(day, DayAction.SIGN))
    ]
    figures = day.figures
    for code in figures.currencies:
        money = figures.breaks.get(code, NO_MONEY)
        ours, theirs = (
            side.get(code, NO_TOTALS).ggr for side in (figures.ours, figures.theirs)
        )
        figures_of_day = (ours, theirs, theirs - ours, money.in_breaks)
        amounts = [
            Amount(minor, code) for minor in (*figures_of_day, figures.unexplained(code))
        ]
        to = _largest(pack, day, code) if money.count else ""
        labels: list[Value] = [day.day, code, state_text(pack, day)]
        yield (
            *labels,
            *amounts,
            linked(money.count, to),
            Amount(money.gross, code),
            *names,
        )
    if not figures.currencies:
        yield day.day, "-", state_text(pack, day), "", "", "", "", "", "", "", *names


def state_text(pack: Pack, day: DayStatus) -> str:
    """The state of a day; that no run compared it, if that is so."""
    is_missed = any(
        gap.start < day.window.end and gap.end > day.window.start for gap in pack.gaps
    )
    if is_missed and day.state in {DayState.READY, DayState.WAITING, DayState.OPEN}:
        return f"{NOT_COMPARED}, {day.state}"
    return str(day.state)


def _largest(pack: Pack, day: DayStatus, currency: str) -> str:
    """The largest open break of a day."""
    for break_ in pack.breaks:
        began = day.window.start <= break_.began_at < day.window.end
        if began and break_.currency == currency and break_.is_unsettled:
            return break_.break_id
    return ""


def match_rate_grid(pack: Pack) -> Grid:
    """The share of rounds that matched, for each day that a run compared by itself."""
    return Grid(
        name="Match rate",
        slug=MATCH_RATE,
        sheet="Match rate",
        note="Rounds of either side, each once, and how many of them agree, by the last run"
        " over exactly that day. A day that only runs over other periods compared has no line.",
        empty="No run compared a single business day of this window.",
        columns=(
            Column("Day", 12),
            *(Column(name, 14, number=True) for name in ("Rounds ours", "Rounds theirs")),
            *(Column(name, 14, number=True) for name in ("Rounds", "Matched", "Matched %")),
            *(Column("Compared at (UTC)", 25), Column("Run", 34, is_id=True)),
        ),
        rows=[
            _rate_row(day, comparison)
            for day in _days(pack)
            for comparison in pack.comparisons
            if comparison.window == day.window
        ],
    )


def _rate_row(day: DayStatus, comparison: ComparedWindow) -> GridRow:
    share = percent(comparison.matched, comparison.rounds)
    rate = "" if share is None else Amount(int(share.replace(".", "")), _PERCENT, 2)
    return (
        *(day.day, comparison.ours, comparison.theirs, comparison.rounds, comparison.matched),
        *(rate, Instant(comparison.started_at), comparison.run_id),
    )


def _days(pack: Pack) -> tuple[DayStatus, ...]:
    return pack.statement.days if pack.statement else ()
