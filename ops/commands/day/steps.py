"""``tieout day prepare|sign|reopen``: what people do to a closed day."""

from typing import Annotated

import typer

from ops.commands.database import refusals
from ops.commands.day.output import day_commands, print_days
from ops.commands.identity import open_books_for
from ops.commands.limits import limits_in_force
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.options import AsJson, By, Reason
from ops.commands.scope import ChosenDay, act_on_each, on_days
from ops.context import context_of
from ops.scheduling.business_days import business_day_of
from reconcile.days.states import DayAction, DayStatus, StepRequest
from reconcile.days.store import store_step
from reconcile.days.sums import read_sides
from storage.people import refused_people
from vocabulary.clock import SystemClock

StepReason = Annotated[
    str, typer.Option("--reason", help="Why, although breaks are open; kept for ever.")
]


@on_days
def prepare(
    ctx: typer.Context,
    *,
    days: list[ChosenDay],
    reason: StepReason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a closed day: its figures and open breaks are kept for the one who signs."""
    _take(ctx, DayAction.PREPARE, days, reason=reason, by=by, as_json=as_json)


@on_days
def sign(
    ctx: typer.Context,
    *,
    days: list[ChosenDay],
    reason: StepReason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Sign a day that another person prepared, with exactly those figures."""
    _take(ctx, DayAction.SIGN, days, reason=reason, by=by, as_json=as_json)


@on_days
def reopen(
    ctx: typer.Context,
    *,
    days: list[ChosenDay],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Reopen a prepared or signed day, so that it can be closed and signed again."""
    _take(ctx, DayAction.REOPEN, days, reason=reason, by=by, as_json=as_json)


def _take(
    ctx: typer.Context,
    action: DayAction,
    days: list[ChosenDay],
    *,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Take a step on each day; what is refused keeps no other day waiting, but exits 1."""
    engine, actor = open_books_for(ctx, by, action.right)
    rules = limits_in_force(engine, context_of(ctx).settings, by=actor.person.name).days
    request = StepRequest(action=action, by=actor.person.name, eyes=actor.eyes, reason=reason)

    def take_one(chosen: ChosenDay) -> DayStatus:
        with refusals(), refused_people(), engine.begin() as connection:
            before = business_day_of(
                connection, chosen.entry, chosen.day, SystemClock().now(), sides=read_sides
            )
            store_step(connection, before, request, rules)
            return business_day_of(
                connection, chosen.entry, chosen.day, SystemClock().now(), sides=read_sides
            )

    after_step, refused = act_on_each(days, take_one)
    print_days(after_step, as_json=as_json)
    if not as_json:
        _print_next(action, after_step)
    raise typer.Exit(1 if refused else 0)


def _print_next(action: DayAction, after_step: list[DayStatus]) -> None:
    if action is DayAction.PREPARE:
        for command in day_commands("sign", after_step):
            print_next_for_another(command)
    elif action is DayAction.REOPEN:
        print_next(*day_commands("close", after_step))
