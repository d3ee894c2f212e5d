"""The database of a command, and refusals of the rules as exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from sqlalchemy import Engine

from breaks.states import ActionRefused
from ledger.corrections.adjustments import AdjustmentRefused
from ops.context import context_of, database_url
from reconcile.days.states import DayRefused
from reconcile.invoices.register.states import InvoiceRefused
from storage.engine import open_engine
from vocabulary.people import PersonRefused


def open_books(ctx: typer.Context) -> Engine:
    """Open the database; it is closed when the command ends."""
    engine = open_engine(database_url(context_of(ctx)))
    ctx.call_on_close(engine.dispose)
    return engine


@contextmanager
def refusals() -> Iterator[None]:
    """Print why the rules refuse an action and exit 1; nothing was changed."""
    try:
        yield
    except (
        *(ActionRefused, AdjustmentRefused, DayRefused),
        *(InvoiceRefused, PersonRefused),
    ) as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from refused
