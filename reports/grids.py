"""Every table of a pack, in the order in which it is read."""

from reports.grid import Grid
from reports.grids_breaks import breaks_grid, differences_grid
from reports.grids_invoices import invoice_grids
from reports.grids_run import conservation_grid, manifest_grid, maturity_grid
from reports.grids_summary import summary_grids
from reports.grids_totals import explained_grid, tie_out_grid, totals_grid
from reports.pack import Pack


def grids(pack: Pack) -> tuple[Grid, ...]:
    """Every table of a pack, empty ones included; those about invoices where one was given."""
    return (
        *summary_grids(pack),
        breaks_grid(pack),
        tie_out_grid(pack),
        differences_grid(pack),
        *invoice_grids(pack),
        totals_grid(pack),
        explained_grid(pack),
        maturity_grid(pack),
        conservation_grid(pack),
        manifest_grid(pack),
    )
