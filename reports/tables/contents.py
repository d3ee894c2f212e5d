"""The tables of a pack, in reading order."""

from reports.grid import Grid
from reports.pack import Pack
from reports.tables.breaks import breaks_grid, differences_grid
from reports.tables.conversion import conversion_grids
from reports.tables.invoices import invoice_grids
from reports.tables.run import conservation_grid, manifest_grid, maturity_grid
from reports.tables.summary import summary_grids
from reports.tables.totals import resolution_rate_grid, tie_out_grid, totals_grid


def grids(pack: Pack) -> tuple[Grid, ...]:
    """All tables of a pack, empty ones included; invoice tables only if there is an invoice."""
    return (
        *summary_grids(pack),
        breaks_grid(pack),
        tie_out_grid(pack),
        *conversion_grids(pack),
        differences_grid(pack),
        *invoice_grids(pack),
        totals_grid(pack),
        resolution_rate_grid(pack),
        maturity_grid(pack),
        conservation_grid(pack),
        manifest_grid(pack),
    )
