"""``tieout config roles``: as which database role each process connects."""

from collections.abc import Iterator
from dataclasses import dataclass

import typer
from sqlalchemy.exc import OperationalError

from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.tables import table
from ops.context import Context, context_of
from ops.engines.role_urls import receiver_url, role_urls
from storage.roles import RolePosition, position_of
from storage.transactions import engine_at
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRole:
    """The role under which processes connect; the names are JSON keys.

    Attributes:
        processes: which they are.
        setting: names their URL.
        owns: how many tables the role owns.
        finding: what is wrong, or empty.
    """

    processes: str
    setting: str
    role: str
    is_superuser: bool
    owns: int
    finding: str


def roles(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the database role of each process; exit 1 if one can disable guards of evidence."""
    used_roles = list(_roles(context_of(ctx)))
    if as_json:
        print_json(used_roles, indent=2)
    else:
        columns = ["processes", "setting", "role", "owns", ""]
        table(
            columns,
            ([r.processes, r.setting, r.role, str(r.owns), r.finding] for r in used_roles),
        )
    if any(role.finding for role in used_roles):
        raise typer.Exit(1)


def _roles(context: Context) -> Iterator[ProcessRole]:
    settings, url = context.settings, context.database_url
    console = role_urls(settings, url)
    for processes, setting, address in (
        ("worker, scheduler, commands", "database.url", url),
        ("receiver", "receiver.database_url", receiver_url(settings, url)),
        ("console, reading", "console.read_url", console.reader),
        ("console, writing", "console.write_url", console.writer),
        ("migrate", "database.owner_url", context.owner_url),
    ):
        position = _position_at(address, setting)
        migrates = setting == "database.owner_url"
        yield ProcessRole(
            processes=processes,
            setting=setting,
            role=position.role,
            is_superuser=position.is_superuser,
            owns=len(position.owned),
            finding=_migrating(position) if migrates else _working(position),
        )


def _working(position: RolePosition) -> str:
    """What is wrong with the role of a process that only works on rows."""
    if position.is_superuser:
        return "a superuser: no right is refused to it, and it can disable guards"
    if position.owned:
        return "it owns tables and can disable their guards: connect as another role"
    return ""


def _migrating(position: RolePosition) -> str:
    if position.can_disable_guards:
        return ""
    return "it owns no table: `tieout migrate` needs their owner"


def _position_at(url: str, setting: str) -> RolePosition:
    try:
        with engine_at(url, pool_size=1) as engine, engine.connect() as connection:
            return position_of(connection)
    except OperationalError as error:
        reason = str(error.orig).strip().split("\n", 1)[0]
        raise Unavailable(f"{setting}: the database cannot be reached: {reason}") from error
