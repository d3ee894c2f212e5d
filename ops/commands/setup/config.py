"""``tieout config``: show and check the settings. Secrets are never shown."""

import json

import typer

from ops.commands.json_output import print_json
from ops.commands.lazy_group import lazy_group
from ops.commands.options import AsJson
from ops.context import context_of
from ops.settings.redaction import leaves, without_secrets
from ops.settings.sections.notify import unset_secrets
from ops.settings.values import unset_secrets_of
from vocabulary.errors import SettingsInvalid

app = lazy_group(
    {
        "show": "ops.commands.setup.config:show",
        "check": "ops.commands.setup.config:check",
        "limits": "ops.commands.limits:app",
        "roles": "ops.commands.setup.roles:roles",
    },
    summaries={
        "limits": "Show the limits of people; a change takes a second person.",
        "roles": "Show the database role of each process; exit 1 if one can disable guards.",
    },
)


def show(
    ctx: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Show every setting in force, with defaults; secrets only as references."""
    document = without_secrets(context_of(ctx).settings)
    if as_json:
        print_json(document, indent=2)
        return
    for name, _, value in leaves(document):
        typer.echo(f"{name} = {json.dumps(value)}")


def check(
    ctx: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Check the settings; list every problem and exit 2 if there is one."""
    settings = context_of(ctx).settings
    problems = [
        *unset_secrets(settings.notify),
        *unset_secrets_of(settings.console.oidc, "console.oidc"),
        *(
            problem
            for entry in settings.providers
            for problem in unset_secrets_of(entry.api, f"providers.{entry.slug}.api")
        ),
    ]
    if problems:
        raise SettingsInvalid(problems)
    providers = [provider.slug for provider in settings.providers]
    if as_json:
        print_json({"providers": providers, "problems": []})
        return
    typer.echo(f"the settings hold; providers: {', '.join(providers) or 'none'}")
