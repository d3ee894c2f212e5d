"""``tieout breaks relist``: fill the list of breaks anew."""

import typer

from ops.commands.database import refusals
from ops.context import context_of
from storage.listed_breaks import relist_breaks
from storage.transactions import engine_at
from vocabulary.plurals import counted


def relist(ctx: typer.Context) -> None:
    """Correct the rows that lists of breaks are read from. Needs the owner of the tables.

    `tieout ledger verify` names the rows that are wrong. Runs and whoever works on breaks wait
    for some seconds, callbacks and readers do not.
    """
    with refusals(), engine_at(context_of(ctx).owner_url, pool_size=1) as owner:
        relisted = relist_breaks(owner)
    typer.echo(
        f"{counted(relisted.written, 'row')} of the list written,"
        f" {counted(relisted.removed, 'row')} removed"
    )
