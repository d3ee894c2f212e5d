"""Tables of the statement over all providers."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from reconcile.days.states import DayState
from reconcile.totals.tie_out import TotalsRow
from reports.conversion import ConvertedDay, are_unconverted, consolidated
from reports.grid import (
    STATEMENT,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Linked,
    Value,
    amount_columns,
    plain,
)
from reports.group import GroupPack
from reports.pack import Pack
from reports.rates import ReportingRates
from reports.tables.breaks import breaks_grid
from reports.tables.calendar import calendar_grid, match_rate_grid
from reports.tables.disputes import claims_grid, disputes_grid
from reports.tables.statement import (
    NOT_SET,
    roll_forward_grid,
    roll_forward_note,
    roll_forward_rows,
    signature_rows,
    signatures_grid,
    since_grid,
)
from reports.tables.work import ageing_grid, corrections_grid, words_grid

PROVIDERS = "providers"


def group_grids(group: GroupPack) -> tuple[Grid, ...]:
    """The tables of the statement over all providers."""
    return (
        _result(group),
        _providers(group),
        *_reporting(group),
        _roll_forward(group),
        _combined(group, since_grid),
        _signatures(group),
        replace(
            _combined(group, roll_forward_grid),
            name="Roll-forward by provider",
            slug="roll-forward-by-provider",
            sheet="Roll-forward",
        ),
        replace(
            _combined(group, signatures_grid),
            name="Prepared and signed by provider",
            slug="signatures-by-provider",
            sheet="Signatures",
        ),
        _combined(group, calendar_grid),
        _by_size(group, _combined(group, breaks_grid)),
        _combined(group, claims_grid),
        _combined(group, disputes_grid),
        replace(_combined(group, ageing_grid), sheet="Ageing"),
        _combined(group, corrections_grid),
        _combined(group, words_grid),
        _combined(group, match_rate_grid),
    )


def group_about(group: GroupPack) -> tuple[tuple[str, str], ...]:
    """Entity, providers and period."""
    return (
        ("entity", group.entity or NOT_SET),
        ("providers", ", ".join(pack.provider for pack in group.packs)),
        ("period", group.period),
        ("as of", f"{Instant(group.generated_at).seconds()} UTC"),
    )


def _result(group: GroupPack) -> Grid:
    return Grid(
        name="Statement",
        slug="statement",
        sheet=STATEMENT,
        note="",
        empty="",
        columns=(Column("What", 24), Column("Statement", 30, overflow=True)),
        rows=[
            *group_about(group),
            *(("result", result.sentence()) for result in group.results),
            *(("before signing", warning) for warning in group.warnings),
        ],
    )


def _providers(group: GroupPack) -> Grid:
    rows = [
        (pack, row)
        for pack in group.packs
        for row in (pack.tie_out.by() if pack.tie_out else ())
    ]
    codes = sorted({row.currency for _, row in rows})
    without = [pack for pack in group.packs if not pack.tie_out or not pack.tie_out.cells]
    return Grid(
        name="Providers",
        slug=PROVIDERS,
        sheet=STATEMENT,
        note="Totals of the rounds that began in the period, by provider and currency. The"
        " difference is theirs less ours; breaks, other causes and what is unexplained are its"
        " parts.",
        empty="No provider has a round in this period.",
        columns=(
            *(Column("Provider", 20), Column("Currency", 10), Column("Signed", 12)),
            *amount_columns(("GGR ours", "GGR theirs")),
            *amount_columns(
                ("Difference", "In breaks", "Other causes", "Unexplained"), signed=True
            ),
            Column("Open", 10, number=True),
        ),
        rows=[
            *(
                (*_labels(pack, row.currency), *_figures(group, [(pack, row)]))
                for pack, row in rows
            ),
            *((pack.provider, "-", _signed(pack), *_nothing(pack)) for pack in without),
        ],
        foot=[
            (
                *("all providers", code, ""),
                *_figures(group, [(pack, row) for pack, row in rows if row.currency == code]),
            )
            for code in codes
        ],
    )


def _roll_forward(group: GroupPack) -> Grid:
    """Breaks of all providers together; each provider has cuts of its own."""
    rows = [
        row
        for roll in group.roll_forward
        for row in roll_forward_rows(roll, None, digits=group.digits(roll.currency))
    ]
    grid = roll_forward_grid(group.least_compared)
    position = [column.heading for column in grid.columns].index("At (UTC)")
    return replace(
        grid,
        note=roll_forward_note(group.roll_forward),
        columns=[*grid.columns[:position], *grid.columns[position + 1 :]],
        rows=[[*row[:position], *row[position + 1 :]] for row in rows],
    )


def _signatures(group: GroupPack) -> Grid:
    """Who vouches for the days of all providers together."""
    rows = list(signature_rows(group.days))
    return replace(signatures_grid(group.packs[0]), rows=rows)


def _labels(pack: Pack, currency: str) -> tuple[str, str, str]:
    return pack.provider, currency, _signed(pack)


def _signed(pack: Pack) -> str:
    days = pack.statement.days if pack.statement else ()
    signed = sum(day.state is DayState.SIGNED for day in days)
    return f"{signed} of {len(days)}"


def _nothing(pack: Pack) -> list[Value]:
    reason = "no round" if pack.is_compared else "NOT COMPARED"
    return [reason, "", "", "", "", "", ""]


def _figures(group: GroupPack, rows: list[tuple[Pack, TotalsRow]]) -> list[Value]:
    """The sums of some providers in one currency."""
    code = rows[0][1].currency
    digits = group.digits(code)
    sums = [0] * 6
    for pack, row in rows:
        other = row.difference.ggr - row.breaks - row.residual
        parts = (
            row.ours.ggr,
            row.theirs.ggr,
            row.difference.ggr,
            row.breaks,
            other,
            row.residual,
        )
        sums = [
            total + group.minor(pack, part, code)
            for total, part in zip(sums, parts, strict=True)
        ]
    unsettled = sum(
        break_.is_unsettled and break_.currency == code
        for pack, _ in rows
        for break_ in pack.breaks
    )
    return [*(Amount(minor, code, digits) for minor in sums), unsettled]


def _reporting(group: GroupPack) -> tuple[Grid, ...]:
    """GGR of every provider in the reporting currency, if one is set."""
    rates = next((pack.rates for pack in group.packs if pack.rates), None)
    if rates is None:
        return ()
    lines = [
        (pack, code, [day for day in consolidation.days if day.currency == code])
        for pack in group.packs
        if pack.tie_out
        for consolidation in (consolidated(pack.tie_out.ggr_by_day(), rates, pack.exponents),)
        for code in sorted({day.currency for day in consolidation.days})
    ]
    every = [day for _, _, days in lines for day in days]
    code = rates.currency
    return (
        Grid(
            name=f"GGR in {code}",
            slug="reporting-currency",
            sheet=STATEMENT,
            note=f"Each day is converted into {code} by the rate of that day and rounded once."
            " A day without a rate is in no converted figure.",
            empty="Nothing was converted.",
            columns=(
                *(Column("Provider", 24), Column("Currency", 10)),
                Column("Days without a rate", 16, number=True),
                *amount_columns(("GGR ours", "GGR theirs")),
                *amount_columns((f"Ours in {code}", f"Theirs in {code}")),
                *amount_columns(("Theirs less ours",), signed=True),
            ),
            rows=[
                (
                    *(pack.provider, own, _missing(days)),
                    *(
                        Amount(minor, own, pack.digits(own))
                        for minor in (
                            sum(day.ours for day in days),
                            sum(day.theirs for day in days),
                        )
                    ),
                    *_converted(days, rates),
                )
                for pack, own, days in lines
            ],
            foot=[("all providers", code, _missing(every), "", "", *_converted(every, rates))],
        ),
    )


def _missing(days: list[ConvertedDay]) -> int:
    return sum(day.rate is None for day in days)


def _converted(days: list[ConvertedDay], rates: ReportingRates) -> Iterator[Value]:
    """The sums of days in the reporting currency; none where no day has a rate."""
    if are_unconverted(days):
        yield from ("", "", "")
        return
    ours = sum(day.ours_converted or 0 for day in days)
    theirs = sum(day.theirs_converted or 0 for day in days)
    for minor in (ours, theirs, theirs - ours):
        yield Amount(minor, rates.currency, rates.digits)


def _combined(group: GroupPack, build: Callable[[Pack], Grid]) -> Grid:
    """The same table of every provider, one below the other."""
    grids = [(pack, build(pack)) for pack in group.packs]
    first = build(group.least_compared)
    return replace(
        first,
        columns=(Column("Provider", 24, name="provider"), *first.columns),
        rows=[
            (pack.provider, *(_pinned(pack, value) for value in row))
            for pack, grid in grids
            for row in grid.rows
        ],
        foot=(),
        anchor=None if first.anchor is None else first.anchor + 1,
    )


def _pinned(pack: Pack, value: Value) -> Value:
    """A value whose amount keeps its provider's digits."""
    if isinstance(value, Linked):
        inner = plain(_pinned(pack, value.value))
        return Linked(inner, value.to)
    if isinstance(value, Amount) and value.digits is None:
        return Amount(value.minor, value.currency, pack.digits(value.currency))
    return value


def _by_size(group: GroupPack, grid: Grid) -> Grid:
    """The table of breaks, the largest of all providers first, by currency."""
    headings = [column.heading for column in grid.columns]
    amount, currency = headings.index("Difference"), headings.index("Currency")

    def size(row: GridRow) -> tuple[object, ...]:
        money = plain(row[amount])
        assert isinstance(money, Amount)
        digits = group.digits(money.currency) - (money.digits or 0)
        return money.minor == 0, str(row[currency]), -abs(money.minor) * 10**digits

    return replace(grid, rows=sorted(grid.rows, key=size))
