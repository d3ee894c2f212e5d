"""``tieout provider list``: the configured providers."""

import typer

from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.context import context_of


def list_providers(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the configured providers, and whether the API of each can be called."""
    providers = context_of(ctx).settings.providers
    if as_json:
        rows = [
            {
                "slug": entry.slug,
                "dialect": entry.dialect,
                "currency": entry.currency,
                "api": entry.api is not None,
            }
            for entry in providers
        ]
        print_json(rows, indent=2)
        return
    for entry in providers:
        api = "API configured" if entry.api else "no API"
        typer.echo(f"{entry.slug}: {entry.dialect}, {entry.currency}, {api}")
