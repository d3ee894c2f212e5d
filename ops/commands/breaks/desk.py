"""What every ``tieout breaks`` command starts from: an engine, and refusals as exit 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from sqlalchemy import Engine

from breaks.states import ActionRefused
from ledger.corrections.adjustments import AdjustmentRefused
from ops.context import current, endpoints
from storage.engine import open_engine


@contextmanager
def breaks_of(ctx: typer.Context) -> Iterator[Engine]:
    """The database of this command; a refusal is told on stderr and exits 1."""
    engine = open_engine(endpoints(current(ctx)).database_url)
    try:
        yield engine
    except (ActionRefused, AdjustmentRefused) as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from refused
    finally:
        engine.dispose()
