"""The table of GGR in the reporting currency, day by day, each figure beside its original."""

from reports.conversion import Consolidation, ConvertedDay, consolidated, missing_text
from reports.grid import Amount, Column, Grid, GridRow, amount_columns
from reports.pack import Pack

NO_RATE = "no rate"


def conversion_grids(pack: Pack) -> tuple[Grid, ...]:
    """The table, if a reporting currency is set and there is a run; else nothing."""
    if pack.rates is None or pack.tie_out is None:
        return ()
    return (_grid(pack, consolidated(pack.tie_out.ggr_by_day(), pack.rates, pack.exponents)),)


def _grid(pack: Pack, consolidation: Consolidation) -> Grid:
    code = consolidation.currency
    missing = missing_text(consolidation.missing)
    return Grid(
        name=f"GGR in {code}",
        slug="reporting-currency",
        sheet="Reporting currency",
        note=f"GGR by business day, converted into {code} by the rate of that day; each figure"
        " is rounded once, half to even, and sums add the rounded figures. The books hold no"
        f" converted amount.{f' {missing[0].upper()}{missing[1:]}.' if missing else ''}",
        empty=pack.empty_text,
        columns=(
            *(Column("Day", 12), Column("Currency", 10)),
            *amount_columns(("GGR ours", "GGR theirs")),
            *(Column("Rate", 16, number=True), Column("Source", 24, stacked=True)),
            *amount_columns((f"Ours in {code}", f"Theirs in {code}")),
            *amount_columns(("Theirs less ours",), signed=True),
        ),
        rows=[_row(day, code, consolidation.digits) for day in consolidation.days],
        foot=[_foot(consolidation)] if consolidation.days else (),
    )


def _row(day: ConvertedDay, code: str, digits: int) -> GridRow:
    original = Amount(day.ours, day.currency), Amount(day.theirs, day.currency)
    if day.rate is None or day.ours_converted is None or day.theirs_converted is None:
        return day.day, day.currency, *original, NO_RATE, "", "", "", ""
    return (
        *(day.day, day.currency, *original, f"{day.rate.value:f}", day.rate.source),
        *_sides(day.ours_converted, day.theirs_converted, code, digits),
    )


def _foot(consolidation: Consolidation) -> GridRow:
    code, digits = consolidation.currency, consolidation.digits
    if consolidation.is_unknown:
        return "all days", code, "", "", NO_RATE, "", "", "", ""
    sides = _sides(consolidation.ours, consolidation.theirs, code, digits)
    left_out = "days without a rate left out" if consolidation.missing else ""
    return "all days", consolidation.currency, "", "", "", left_out, *sides


def _sides(ours: int, theirs: int, code: str, digits: int) -> tuple[Amount, Amount, Amount]:
    ours_amount, theirs_amount = Amount(ours, code, digits), Amount(theirs, code, digits)
    return ours_amount, theirs_amount, Amount(theirs - ours, code, digits)
