"""``tieout user add|list|disable|enable|roles|token``: who may act, and what they may do."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books, refusals
from ops.commands.identity import identify, open_books_as, register_first_admin
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.tables import table
from ops.context import context_of
from storage import people
from vocabulary.people import Person, Right, Role, normalized_name

Name = Annotated[str, typer.Argument(help="The person's name.")]
Roles = Annotated[
    list[Role], typer.Option("--role", help="What the person is; may be given several times.")
]


def add(
    ctx: typer.Context,
    name: Name,
    *,
    role: Roles,
    display: Annotated[str | None, typer.Option(help="The name as it is shown.")] = None,
    os_user: Annotated[
        str | None, typer.Option(help="The operating-system user that the person works as.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a person; only an administrator may."""
    engine, admin = open_as_admin(ctx)
    with refusals(), engine.begin() as connection:
        person = people.add_person(
            connection, name, roles=role, by=admin, display_name=display, os_user=os_user
        )
    _print([person], as_json=as_json)


def list_people(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List everyone who is or was registered."""
    with open_books(ctx).connect() as connection:
        listed = people.people_in(connection)
    _print(listed, as_json=as_json)


def disable(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Disable a person who left; what they did stays, and they can do nothing more."""
    _set_disabled(ctx, name, disabled=True, as_json=as_json)


def enable(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Let a disabled person act again."""
    _set_disabled(ctx, name, disabled=False, as_json=as_json)


def roles(ctx: typer.Context, name: Name, *, role: Roles, as_json: AsJson = False) -> None:
    """Give a person these roles instead of those they have."""
    engine, admin = open_as_admin(ctx)
    with refusals(), engine.begin() as connection:
        person = people.set_roles(connection, name, role, by=admin)
    _print([person], as_json=as_json)


def token(
    ctx: typer.Context,
    name: Name,
    *,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Only remove the token, make no new one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a new personal token, the only valid one, for TIEOUT_TOKEN; it is shown once."""
    engine, by = open_for_own(ctx, name)
    with refusals(), engine.begin() as connection:
        if revoke:
            _print([people.revoke_token(connection, name, by=by)], as_json=as_json)
            return
        secret = people.new_token(connection, name, by=by)
    if as_json:
        print_json({"name": normalized_name(name), "token": secret})
    else:
        typer.echo(secret)


def _set_disabled(ctx: typer.Context, name: str, *, disabled: bool, as_json: bool) -> None:
    engine, admin = open_as_admin(ctx)
    with refusals(), engine.begin() as connection:
        person = people.set_disabled(connection, name, disabled=disabled, by=admin)
    _print([person], as_json=as_json)


def open_as_admin(ctx: typer.Context) -> tuple[Engine, str]:
    """Open the database for an administrator; the first one is whoever comes first."""
    register_first_admin(open_books(ctx))
    return open_books_as(ctx, None, Right.MANAGE_PEOPLE)


def open_for_own(ctx: typer.Context, name: str) -> tuple[Engine, str]:
    """Open the database for somebody about themselves, or for an administrator."""
    engine = open_books(ctx)
    register_first_admin(engine)
    with refusals():
        actor = identify(context_of(ctx), engine, None)
        own = actor.person.name == normalized_name(name)
    return open_books_as(ctx, None, Right.READ if own else Right.MANAGE_PEOPLE)


def _print(listed: list[Person], *, as_json: bool) -> None:
    if as_json:
        print_json([_person_json(person) for person in listed])
        return
    table(
        ["name", "shown as", "roles", "operating-system user", "state"],
        (
            [
                *(person.name, person.display_name, ", ".join(sorted(person.roles))),
                *(person.os_user or "", "disabled" if person.disabled else "enabled"),
            ]
            for person in listed
        ),
    )


def _person_json(person: Person) -> dict[str, object]:
    return {
        "name": person.name,
        "display_name": person.display_name,
        "roles": sorted(person.roles),
        "os_user": person.os_user,
        "disabled": person.disabled,
    }
