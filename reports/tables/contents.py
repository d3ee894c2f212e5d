"""The tables of a pack, in reading order."""

from reports.grid import Grid
from reports.pack import Pack
from reports.tables.breaks import breaks_grid, differences_grid
from reports.tables.calendar import calendar_grid, match_rate_grid
from reports.tables.conversion import conversion_grids
from reports.tables.disputes import claims_grid, disputes_grid
from reports.tables.invoices import invoice_grids
from reports.tables.run import conservation_grid, manifest_grid, maturity_grid
from reports.tables.statement import statement_grids
from reports.tables.summary import summary_grids
from reports.tables.totals import resolution_rate_grid, tie_out_grid, totals_grid
from reports.tables.work import ageing_grid, bridge_grid, corrections_grid, words_grid


def grids(pack: Pack) -> tuple[Grid, ...]:
    """All tables of a pack, empty ones included; invoice tables only if there is an invoice."""
    return (
        *statement_grids(pack),
        *summary_grids(pack),
        ageing_grid(pack),
        calendar_grid(pack),
        breaks_grid(pack),
        claims_grid(pack),
        disputes_grid(pack),
        corrections_grid(pack),
        words_grid(pack),
        tie_out_grid(pack),
        *conversion_grids(pack),
        differences_grid(pack),
        *invoice_grids(pack),
        bridge_grid(pack),
        totals_grid(pack),
        match_rate_grid(pack),
        resolution_rate_grid(pack),
        maturity_grid(pack),
        conservation_grid(pack),
        manifest_grid(pack),
    )
