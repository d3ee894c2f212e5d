"""``tieout init``: a commented settings file, a data directory, running engines, a schema."""

from pathlib import Path

import typer

from ops.commands.identity import os_user, register_first_admin_at
from ops.commands.limits import set_up_limits_at
from ops.commands.next_commands import print_next
from ops.commands.setup.migrate import migrate_database
from ops.context import context_of, endpoints
from ops.engines.server_checks import check_broker
from ops.settings.loader import DEFAULT_FILE

EXAMPLE = Path(__file__).parents[2] / "tieout.example.toml"


def init(ctx: typer.Context) -> None:
    """Write tieout.toml, prepare the data directory, create the schema; keep existing files."""
    context = context_of(ctx)
    _write_settings(context.config or DEFAULT_FILE)
    engines = endpoints(context)
    check_broker(engines.broker_url)
    revision = migrate_database(engines.migration_url, context.settings.exponents)
    register_first_admin_at(engines.database_url)
    set_up_limits_at(engines.database_url, context.settings, by=os_user())
    typer.echo(f"data in {context.data_dir.resolve()}, schema {revision}")
    print_next("tieout up")


def _write_settings(path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        typer.echo(f"{path} is there already and stays as it is")
    else:
        typer.echo(f"wrote {path}")
