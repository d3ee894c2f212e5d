"""``tieout find``: what an id, a name or an amount belongs to, and where to go next."""

from typing import Annotated

import typer

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, DayOption, Limit
from ops.commands.scope import day_of_all
from ops.context import context_of
from reports.find.hits import Findings, SearchScope
from reports.find.search import find_anything

_MOST = 20


def find(
    ctx: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            help="An id of ours or theirs, the start of one of ours, a player, a handle, a file"
            ' name, or an amount such as "10.00 USD".'
        ),
    ],
    *,
    day: DayOption = None,
    most: Limit = _MOST,
    as_json: AsJson = False,
) -> None:
    """Find what an id, a name or an amount belongs to; exit 1 if nothing is found."""
    settings = context_of(ctx).settings
    scope = SearchScope(
        zones={entry.slug: entry.timezone for entry in settings.providers},
        exponents={entry.slug: entry.exponents for entry in settings.providers},
        day=None if day is None else day_of_all(day, settings.providers),
        limit=most,
    )
    findings = find_anything(open_books(ctx), text, scope)
    if as_json:
        print_json(findings, indent=2)
    else:
        _print(findings)
    raise typer.Exit(0 if findings.hits else 1)


def _print(findings: Findings) -> None:
    for hit in findings.hits:
        typer.echo(f"{hit.kind} {hit.id}")
        typer.echo(f"  {hit.summary}")
        for name, fact in hit.facts.items():
            typer.echo(f"  {name}: {fact}")
        for command in hit.next:
            typer.echo(f"  → {command}")
    if findings.cut:
        typer.echo(f"only the {len(findings.hits)} best hits are shown: --most shows more")
    if not findings.hits:
        searched = ", ".join(findings.searched) or "nothing that this text could name"
        typer.echo(f"nothing is called {findings.query!r}; searched: {searched}", err=True)
    for sentence in findings.advice:
        typer.echo(sentence, err=True)
