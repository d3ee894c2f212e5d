"""``tieout reconcile what-if``: which breaks a proposed rule would hide or open."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Provider
from ops.commands.provider_choice import entry_named
from ops.commands.reconcile.comparison_terms import comparison_of
from ops.commands.tables import print_table
from ops.context import Context, context_of
from ops.providers.reconcile_inputs import reader_of
from ops.providers.rule_trials import difference_text, effect_json, proposed
from reconcile.runs.request import RunRequest
from reconcile.runs.what_if import WhatIfEffect, what_if
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import Malformed


def show(
    ctx: typer.Context,
    *,
    provider: Provider,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 7,
    rules: Annotated[
        list[str], typer.Option("--set", help="name=value, e.g. maturity=30m; repeatable.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show which breaks other rules would hide or open; nothing is stored."""
    context, clock = context_of(ctx), SystemClock()
    now = clock.now()
    window = _days(context, provider, days, clock)
    comparison = comparison_of(context, provider, window, None, clock)
    base = replace(comparison.request, read_logged=reader_of(comparison.configured))
    try:
        proposal = proposed(base, rules)
    except (ValueError, Malformed) as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    effect = what_if(comparison.url, base, proposal.request, now=now, names=proposal.names)
    if as_json:
        print_json(effect_json(effect, base, rules), indent=2)
    else:
        _print(effect, base)


def _days(context: Context, provider: str, days: int, clock: Clock) -> tuple[str, str]:
    """The last days, from the midnight they begin with, in the provider's zone, until now."""
    zone = ZoneInfo(entry_named(context.settings, provider).timezone)
    now = clock.now()
    first = now.astimezone(zone).date() - timedelta(days=days)
    return datetime.combine(first, time(), tzinfo=zone).isoformat(), now.isoformat()


def _print(effect: WhatIfEffect, base: RunRequest) -> None:
    table = Table("", "kind", "round", "player", "difference", "break")
    breaks = [("hidden", break_) for break_ in effect.hidden]
    breaks += [("opened", break_) for break_ in effect.opened]
    breaks += [("changed", proposed_) for _, proposed_ in effect.changed]
    for change, break_ in breaks:
        amount = f"{difference_text(break_, base)} {break_.currency}"
        cells = (break_.kind, break_.round_id, break_.player, amount, break_.id)
        table.add_row(change, *cells)
    if breaks:
        print_table(table)
    typer.echo(
        f"breaks now {effect.before}, proposed {effect.after}: {len(effect.hidden)} hidden,"
        f" {len(effect.opened)} opened, {len(effect.changed)} changed; nothing was stored"
    )
