"""``tieout reconcile``: compare the ledger with one provider's history over a window."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.context import current, endpoints
from ops.providers import ConfiguredProvider, configured
from ops.settings_values import parse_duration
from reconcile.result import RunResult
from reconcile.run import reconcile as run_reconcile
from reconcile.window import parse_window
from vocabulary.clock import SystemClock
from vocabulary.money import exponent_of, text_from_minor

app = typer.Typer(add_completion=False)

#: Breaks shown on a terminal; all of them are stored, and printed with --json.
SHOWN_MAX = 50


@app.command()
def reconcile(
    ctx: typer.Context,
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    start: Annotated[str, typer.Option("--from", help="Date or instant, ISO 8601; inside.")],
    end: Annotated[str, typer.Option("--to", help="Date or instant, ISO 8601; outside.")],
    maturity: Annotated[
        str | None,
        typer.Option(help="One-sided rounds younger than this are timing, e.g. 15m."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the ledger with a provider's history; exit 1 when they differ."""
    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    try:
        window = parse_window(start, end, zone=chosen.timezone)
        ripe = chosen.maturity if maturity is None else parse_duration(maturity)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    result = run_reconcile(
        endpoints(context).database_url,
        provider=provider,
        window=window,
        maturity=ripe,
        clock=SystemClock(),
        exponents=chosen.provider.exponents,
        open_after=chosen.open_after,
    )
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))
    else:
        _show(result)
    raise typer.Exit(1 if result.breaks else 0)


def provider_named(known: dict[str, ConfiguredProvider], slug: str) -> ConfiguredProvider:
    """The configured provider of that slug.

    Raises:
        typer.BadParameter: there is none.
    """
    if slug not in known:
        names = ", ".join(known) or "none is configured"
        raise typer.BadParameter(f"no provider {slug!r}; known: {names}")
    return known[slug]


def _show(result: RunResult) -> None:
    told = result.summary()
    typer.echo(f"{result.provider}  {told['window']['from']} to {told['window']['to']}")
    typer.echo(f"ours {told['ours']['rows']} rounds, theirs {told['theirs']['rows']}")
    typer.echo(
        f"matched {told['matched']}, timing {told['timing']['ours']} ours and"
        f" {told['timing']['theirs']} theirs, breaks {len(result.breaks)}, conserved: yes"
    )
    if result.breaks:
        Console().print(_table(result))
    if len(result.breaks) > SHOWN_MAX:
        typer.echo(f"and {len(result.breaks) - SHOWN_MAX} more; see --json or the report")
    typer.echo(f"run {result.run_id}")


def _table(result: RunResult) -> Table:
    table = Table("kind", "round", "player", "difference", "impact")
    for each in result.breaks[:SHOWN_MAX]:
        exponent = exponent_of(each.currency, result.exponents)
        amount = f"{text_from_minor(each.difference, exponent)} {each.currency}"
        table.add_row(each.kind, each.round_id, each.player, amount, each.impact)
    return table
