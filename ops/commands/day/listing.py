"""``tieout day list|show``: the state and the figures of days."""

from typing import Annotated

import typer
from sqlalchemy import Connection

from ops.commands.database import open_books
from ops.commands.day.output import day_json, print_day, print_days
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, ProviderFilter
from ops.commands.provider_choice import entry_named
from ops.commands.scope import ChosenDay, on_days, one_or_all
from ops.context import context_of
from ops.scheduling.business_days import business_day_of, recent_days
from reconcile.days.corrections import DayCorrection, corrections_of
from reconcile.days.states import DayStatus
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
        listed = recent_days(connection, entries, now, days=days)
    print_days(listed, as_json=as_json)
    if not listed and not as_json:
        typer.echo(f"no day of the last {days} has a round or a record; --days looks further")


@on_days
def show(ctx: typer.Context, *, days: list[ChosenDay], as_json: AsJson = False) -> None:
    """Show a day: what it waits for, its figures, its steps, and what changed since.

    With --json one provider's day is an object; several, or --all, are a list.
    """
    with open_books(ctx).connect() as connection:
        shown = [_with_corrections(connection, chosen) for chosen in days]
    if as_json:
        documents = [
            {**day_json(day), "corrections": corrections} for day, corrections in shown
        ]
        print_json(one_or_all(ctx, documents), indent=2, instant=iso)
        return
    for day, corrections in shown:
        print_day(day, corrections)


def _with_corrections(
    connection: Connection, chosen: ChosenDay
) -> tuple[DayStatus, list[DayCorrection]]:
    day = business_day_of(connection, chosen.entry, chosen.day, SystemClock().now())
    exponents = day.figures.exponents
    return day, corrections_of(connection, day.provider, day.window, exponents)
