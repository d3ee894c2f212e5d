"""``tieout day list|show``: the state and the figures of days."""

from typing import Annotated

import typer

from ops.commands.database import open_books
from ops.commands.day.closing import Day
from ops.commands.day.output import day_json, print_day, print_days
from ops.commands.json_output import print_json
from ops.commands.option_values import read_business_day
from ops.commands.options import AsJson, Provider, ProviderFilter
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.scheduling.business_days import business_day_of, recent_days
from reconcile.days.corrections import corrections_of
from vocabulary.clock import SystemClock, iso


def list_days(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """List the last days of every provider with state, figures and open breaks."""
    settings, now = context_of(ctx).settings, SystemClock().now()
    entries = settings.providers if provider is None else [entry_named(settings, provider)]
    with open_books(ctx).connect() as connection:
        listed = [
            day for entry in entries for day in recent_days(connection, entry, now, days=days)
        ]
    print_days(listed, as_json=as_json)


def show(ctx: typer.Context, day: Day, *, provider: Provider, as_json: AsJson = False) -> None:
    """Show one day: what it waits for, its figures, its steps, and what changed since."""
    entry, now = entry_named(context_of(ctx).settings, provider), SystemClock().now()
    chosen = read_business_day(day, entry.timezone, now)
    with open_books(ctx).connect() as connection:
        shown = business_day_of(connection, entry, chosen, now)
        exponents = shown.figures.exponents
        corrections = corrections_of(connection, entry.slug, shown.window, exponents)
    if as_json:
        print_json({**day_json(shown), "corrections": corrections}, indent=2, instant=iso)
    else:
        print_day(shown, corrections)
