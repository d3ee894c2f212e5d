"""``tieout day close``: reconcile a day that is over and close it."""

from typing import Annotated

import typer

from ops.commands.database import refusals
from ops.commands.day.output import day_commands, print_days
from ops.commands.identity import open_books_as
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, By
from ops.commands.scope import ChosenDay, act_on_each, on_days
from ops.context import context_of, database_url
from ops.providers.maturity import maturity_now
from ops.scheduling.business_days import business_day_of
from ops.scheduling.day_close import Closing, close_day_of
from reconcile.days.states import DayStatus
from reconcile.partitions.options import RunOptions
from vocabulary.clock import SystemClock
from vocabulary.people import Right


@on_days
def close(
    ctx: typer.Context,
    *,
    days: list[ChosenDay],
    reason: Annotated[
        str, typer.Option(help="Why, although feeds or timing are left; kept for ever.")
    ] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Reconcile a day that is over and close it; people prepare and sign it afterwards."""
    engine, name = open_books_as(ctx, by, Right.PREPARE_DAYS)
    url = database_url(context_of(ctx))

    def close_one(chosen: ChosenDay) -> DayStatus:
        maturity = maturity_now(url, chosen.entry, SystemClock())
        closing = Closing(day=chosen.day, reason=reason, maturity=maturity)
        with refusals():
            close_day_of(engine, url, chosen.entry, closing, name=name, options=RunOptions())
        with engine.connect() as connection:
            return business_day_of(connection, chosen.entry, chosen.day, SystemClock().now())

    closed, refused = act_on_each(days, close_one)
    print_days(closed, as_json=as_json)
    if closed and not as_json:
        print_next(*day_commands("prepare", closed))
    raise typer.Exit(1 if refused else 0)
