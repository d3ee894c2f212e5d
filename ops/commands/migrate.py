"""``tieout migrate``: bring the database to the schema this version expects."""

import typer

from ops.context import current, endpoints
from ops.runtime.server_checks import check_database
from vocabulary.errors import Unavailable

app = typer.Typer(add_completion=False)


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Bring the database to the schema this version expects; repeating it changes nothing."""
    typer.echo(f"schema {migrate_database(endpoints(current(ctx)).database_url)}")


def migrate_database(url: str) -> str:
    """Apply what is missing; returns the revision reached.

    Raises:
        Unavailable: the database cannot be worked with, or its role may not make the schema.
    """
    from psycopg.errors import InsufficientPrivilege  # noqa: PLC0415 - heavy
    from sqlalchemy.exc import ProgrammingError  # noqa: PLC0415 - heavy

    from storage.engine import open_engine  # noqa: PLC0415 - heavy
    from storage.migrate import migrate as apply  # noqa: PLC0415 - heavy

    check_database(url)
    engine = open_engine(url)
    try:
        return apply(engine)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        reason = str(error.orig).split("\n", 1)[0]
        raise Unavailable(
            f"database.url: the role may not make our schema: {reason}"
        ) from error
    finally:
        engine.dispose()
