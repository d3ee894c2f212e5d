"""The database of a command, and refusals of the rules as exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from sqlalchemy import Engine

from ops.context import context_of, database_url
from storage.engine import open_engine
from vocabulary.errors import NotAllowed

#: Where the engine of a command is kept.
_ENGINE = "ops.commands.database"


def open_books(ctx: typer.Context) -> Engine:
    """Open the database once for a command; it is closed when the command ends."""
    engine: Engine | None = ctx.meta.get(_ENGINE)
    if engine is None:
        engine = ctx.meta[_ENGINE] = open_engine(database_url(context_of(ctx)))
        ctx.call_on_close(engine.dispose)
    return engine


@contextmanager
def refusals() -> Iterator[None]:
    """Print why the rules refuse an action and exit 1; nothing was changed."""
    try:
        yield
    except NotAllowed as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from refused
