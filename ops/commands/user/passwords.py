"""``tieout user password|reset``: passwords of the console."""

import sys
from typing import Annotated

import typer

from console.accounts.passwords import check_password, new_code, set_password
from ops.commands.database import refusals
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.user.people import Name, open_as_admin, open_for_own
from ops.context import context_of
from ops.settings.sections.console import console_url
from storage.people import get_person
from vocabulary.clock import SystemClock, iso
from vocabulary.people import normalized_name


def password(
    ctx: typer.Context,
    name: Name,
    *,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read it from standard input, one line.")
    ] = False,
) -> None:
    """Set a password for the console, your own or as an administrator; ends their sessions."""
    engine, by = open_for_own(ctx, name)
    chosen = (
        _read()
        if stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    check_password(chosen, normalized_name(name))
    with refusals(), engine.begin() as connection:
        person = get_person(connection, name)
        set_password(connection, person, chosen, by=by, now=SystemClock().now())
    typer.echo(f"{person.name} may sign in at {console_url(context_of(ctx).settings.console)}")


def reset(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Print a link with which a person chooses a password; it works once, for a day."""
    engine, by = open_as_admin(ctx)
    with refusals(), engine.begin() as connection:
        reset_code = new_code(connection, name, by=by, now=SystemClock().now())
    link = f"{console_url(context_of(ctx).settings.console)}/reset/{reset_code.code}"
    if as_json:
        print_json(
            {
                "name": reset_code.person.name,
                "link": link,
                "expires_at": iso(reset_code.expires_at),
            }
        )
    else:
        typer.echo(link)


def _read() -> str:
    return sys.stdin.readline().rstrip("\r\n")
