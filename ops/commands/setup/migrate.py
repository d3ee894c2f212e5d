"""``tieout migrate``: bring the database to the schema of this version."""

import typer
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import ProgrammingError

from ops.context import context_of
from ops.runtime.server_checks import check_database
from storage import migrate as schema
from storage.transactions import engine_at
from vocabulary.errors import Unavailable


def migrate(ctx: typer.Context) -> None:
    """Bring the database to the schema of this version; repeating it changes nothing."""
    typer.echo(f"schema {migrate_database(context_of(ctx).owner_url)}")


def migrate_database(url: str) -> str:
    """Apply missing migrations; returns the revision reached.

    Raises:
        Unavailable: the database does not fit, or its role may not create the schema.
    """
    check_database(url)
    try:
        with engine_at(url) as engine:
            return schema.migrate(engine)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        reason = str(error.orig).split("\n", 1)[0]
        raise Unavailable(
            f"database.url: the role may not make our schema: {reason}; set database.owner_url"
            " to the role that owns the tables"
        ) from error
