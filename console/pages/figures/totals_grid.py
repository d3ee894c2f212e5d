"""The table of totals as files have it: one figure in each cell. Pure."""

from collections.abc import Iterator, Sequence

from reconcile.totals.cells import Figures
from reports.grid import Amount, Column, Grid, GridRow, Value, amount_columns
from reports.grouped_totals import GroupBy, TotalsGroup, hold_text
from reports.rates import ReportingRates

_SIDES = ("ours", "theirs")
_AMOUNTS = ("Stake", "Payout", "GGR")


def totals_grid(
    by: Sequence[GroupBy], groups: Sequence[TotalsGroup], rates: ReportingRates | None
) -> Grid:
    """Every group as one row."""
    reporting = None if GroupBy.GAME in by else rates
    return Grid(
        name="Totals",
        slug="totals",
        sheet="Totals",
        note="Theirs less ours. What no break explains is unexplained: rounds too young to be"
        " missing, and rounds that the sides count on different days or for different games.",
        empty="No round of either side.",
        columns=tuple(_columns(by, None if reporting is None else reporting.currency)),
        rows=[tuple(_row(group, reporting)) for group in groups],
    )


def _columns(by: Sequence[GroupBy], reporting: str | None) -> Iterator[Column]:
    for column in by:
        if column is not GroupBy.CURRENCY:
            yield Column(str(column).capitalize(), 18, str(column))
    yield Column("Currency", 10, "currency")
    for side in _SIDES:
        yield Column(f"Rounds {side}", 12, number=True)
    yield from amount_columns([f"{name} {side}" for name in _AMOUNTS for side in _SIDES])
    for side in _SIDES:
        yield Column(f"Hold {side}, %", 12, number=True)
    yield from amount_columns(("Difference", "In breaks", "Unexplained"), signed=True)
    yield Column("Open breaks", 12, number=True)
    if reporting is not None:
        yield from amount_columns([f"GGR {side} in {reporting}" for side in _SIDES])
        yield Column("Days without a rate", 14, number=True)


def _row(group: TotalsGroup, reporting: ReportingRates | None) -> Iterator[Value]:
    sides = (group.ours, group.theirs)
    yield from group.name
    yield group.currency
    yield from (side.rounds for side in sides)
    yield from _amounts(group, [getattr(s, name.lower()) for name in _AMOUNTS for s in sides])
    yield from (_hold(side) for side in sides)
    yield from _amounts(group, [group.difference, group.in_breaks, group.unexplained])
    yield group.open_breaks
    if reporting is not None:
        yield from _reporting(group, reporting)


def _amounts(group: TotalsGroup, minors: Sequence[int]) -> GridRow:
    return [Amount(minor, group.currency, group.digits) for minor in minors]


def _hold(side: Figures) -> str:
    return hold_text(side) or ""


def _reporting(group: TotalsGroup, rates: ReportingRates) -> GridRow:
    converted = group.converted
    if converted is None:
        return ["", "", 0]
    if converted.is_unknown:
        return ["", "", len(converted.missing)]
    code, digits = rates.currency, rates.digits
    return [
        Amount(converted.ours, code, digits),
        Amount(converted.theirs, code, digits),
        len(converted.missing),
    ]
