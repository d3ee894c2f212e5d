"""``tieout migrate``: bring the database to this version's schema, or plan to."""

from typing import Annotated

import typer
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.setup.migration_plan import digits_wanted, print_plan, read_plan
from ops.context import context_of
from ops.engines.server_checks import check_broker, check_database
from ops.settings.model import EMBEDDED, Settings
from storage import migrate as schema
from storage.transactions import engine_at, reading
from storage.unknown_currencies import unknown_currencies
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed, SettingsInvalid, Unavailable


def migrate(
    ctx: typer.Context,
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what pending revisions lock, and how long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database to the schema of this version; repeating it changes nothing."""
    if as_json and not plan:
        raise Malformed("--json", "prints a plan: add --plan")
    context = context_of(ctx)
    settings, url = context.settings, context.migration_url
    check_database(
        url, setting="database.owner_url" if settings.database.owner_url else "database.url"
    )
    if settings.broker.url != EMBEDDED:
        check_broker(settings.broker.url)
    if plan:
        planned = read_plan(url, settings.exponents)
        print_json(planned, indent=2) if as_json else print_plan(planned)
        return
    typer.echo(f"schema {migrate_database(url, settings.exponents)}")
    check_console_urls(settings)


def check_console_urls(settings: Settings) -> None:
    """Try the servers that only the console reads and writes; its roles exist by now.

    Raises:
        Unavailable: one cannot be reached or does not let the console in.
    """
    for name in ("read_url", "write_url"):
        url = getattr(settings.console, name)
        if url:
            check_database(url, setting=f"console.{name}")


def migrate_database(url: str, exponents: Exponents) -> str:
    """Apply missing migrations; returns the revision reached.

    Args:
        url: the database.
        exponents: of currencies outside ISO 4217, as the settings name them.

    Raises:
        SettingsInvalid: the books hold a currency whose digits nobody names; nothing changed.
        Unavailable: the database does not fit, or its role may not create the schema.
    """
    check_database(url)
    try:
        with engine_at(url) as engine:
            _require_digits(engine, exponents)
            return schema.migrate(engine)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        reason = str(error.orig).split("\n", 1)[0]
        raise Unavailable(
            f"database.url: the role may not make our schema: {reason}; set database.owner_url"
            " to the role that owns the tables"
        ) from error


def _require_digits(engine: Engine, exponents: Exponents) -> None:
    with reading(engine, "migrate") as connection:
        unknown = unknown_currencies(connection, exponents)
    if unknown:
        raise SettingsInvalid([f"providers: {digits_wanted(unknown)}"])
