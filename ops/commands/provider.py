"""``tieout provider``: the configured providers."""

import typer

from ops.commands.json_output import print_json
from ops.commands.lazy_group import lazy_group
from ops.commands.options import AsJson
from ops.context import current
from ops.settings.model import ProviderSettings, Settings

app = lazy_group(
    {
        "conformance": "ops.commands.conformance:conformance",
        "list": "ops.commands.provider:list_providers",
        "check": "ops.commands.provider_check:check",
    }
)


def list_providers(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Print every configured provider, and whether its own API can be called."""
    providers = current(ctx).settings.providers
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


def entry_named(settings: Settings, slug: str) -> ProviderSettings:
    """The settings of one provider.

    Raises:
        typer.BadParameter: none has that slug.
    """
    for entry in settings.providers:
        if entry.slug == slug:
            return entry
    slugs = ", ".join(entry.slug for entry in settings.providers) or "none"
    raise typer.BadParameter(f"no provider is called {slug}; configured: {slugs}")
