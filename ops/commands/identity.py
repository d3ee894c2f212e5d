"""Who runs a command: the operating-system user, a personal token, ``--by``."""

import os
import pwd
from pathlib import Path

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books, refusals
from ops.context import Context, context_of
from storage import people
from storage.engine import open_engine
from vocabulary.errors import SettingsInvalid
from vocabulary.people import Actor, Person, Right

#: The environment variable that holds a personal token.
TOKEN_VARIABLE = "TIEOUT_TOKEN"  # noqa: S105 - its name


def os_user() -> str:
    """The operating-system user of this process, by its user id; no variable can change it."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run under an id without an account
        return f"uid-{uid}"


def open_books_as(ctx: typer.Context, by: str | None, right: Right) -> tuple[Engine, str]:
    """Open the database for a person; returns their name for ``by`` arguments, too.

    Prints why a person is refused and exits 1.

    Raises:
        Malformed: nobody is known by operating-system user or token, or ``--by`` is no name.
    """
    engine, actor = open_books_for(ctx, by, right)
    return engine, actor.person.name


def open_books_for(ctx: typer.Context, by: str | None, right: Right) -> tuple[Engine, Actor]:
    """``open_books_as``, with everyone who takes part.

    Raises:
        Malformed: as ``open_books_as``.
    """
    engine = open_books(ctx)
    with refusals():
        actor = identify(context_of(ctx), engine, by)
        actor.require(right)
    people.act_as(engine, actor)
    return engine, actor


def identify(context: Context, engine: Engine, by: str | None) -> Actor:
    """Find out who runs this command.

    Raises:
        Malformed: nobody is known by operating-system user or token, or ``--by`` is no name.
        PersonRefused: the person is unknown or disabled, or may not act for the named one.
    """
    with engine.connect() as connection:
        return people.identify(connection, by=by, os_user=os_user(), token=_token(context))


def register_first_admin(engine: Engine) -> Person | None:
    """Make the operating-system user the first administrator, and say so."""
    admin = people.add_first_admin(engine, os_user())
    if admin is not None:
        typer.echo(
            f"{admin.name}, the operating-system user, is the first administrator;"
            " `tieout user add` registers more people",
            err=True,
        )
    return admin


def register_first_admin_at(url: str) -> None:
    """``register_first_admin`` on a database that has just been migrated."""
    engine = open_engine(url, pool_size=1)
    try:
        register_first_admin(engine)
    finally:
        engine.dispose()


def _token(context: Context) -> str | None:
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if token:
        return token
    file = context.settings.people.token_file
    if not file:
        return None
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsInvalid(
            ["people.token_file: a readable text file is expected"]
        ) from error
