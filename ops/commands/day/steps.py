"""``tieout day prepare|sign|reopen``: what people do to a closed day."""

from typing import Annotated

import typer

from ops.commands.database import refusals
from ops.commands.day.closing import Day
from ops.commands.day.output import print_days
from ops.commands.identity import open_books_for
from ops.commands.option_values import read_business_day
from ops.commands.options import AsJson, By, Provider, Reason
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.scheduling.business_days import business_day_of, step_rules
from reconcile.days.states import DayAction, StepRequest
from reconcile.days.store import store_step
from storage.people import refused_people
from vocabulary.clock import SystemClock
from vocabulary.people import Right

StepReason = Annotated[
    str, typer.Option("--reason", help="Why, although breaks are open; kept for ever.")
]
_RIGHTS = {
    DayAction.PREPARE: Right.PREPARE_DAYS,
    DayAction.SIGN: Right.SIGN_DAYS,
    DayAction.REOPEN: Right.REOPEN_DAYS,
}


def prepare(
    ctx: typer.Context,
    day: Day,
    *,
    provider: Provider,
    reason: StepReason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a closed day: its figures and open breaks are kept for the one who signs."""
    _take(ctx, DayAction.PREPARE, day, provider, reason=reason, by=by, as_json=as_json)


def sign(
    ctx: typer.Context,
    day: Day,
    *,
    provider: Provider,
    reason: StepReason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Sign a day that another person prepared, with exactly those figures."""
    _take(ctx, DayAction.SIGN, day, provider, reason=reason, by=by, as_json=as_json)


def reopen(
    ctx: typer.Context,
    day: Day,
    *,
    provider: Provider,
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Reopen a prepared or signed day, so that it can be closed and signed again."""
    _take(ctx, DayAction.REOPEN, day, provider, reason=reason, by=by, as_json=as_json)


def _take(
    ctx: typer.Context,
    action: DayAction,
    day: str,
    provider: str,
    *,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    settings = context_of(ctx).settings
    entry, clock = entry_named(settings, provider), SystemClock()
    chosen = read_business_day(day, entry.timezone, clock.now())
    engine, actor = open_books_for(ctx, by, _RIGHTS[action])
    request = StepRequest(action=action, by=actor.person.name, eyes=actor.eyes, reason=reason)
    with refusals(), refused_people(), engine.begin() as connection:
        before = business_day_of(connection, entry, chosen, clock.now())
        store_step(connection, before, request, step_rules(settings.close))
        after = business_day_of(connection, entry, chosen, clock.now())
    print_days([after], as_json=as_json)
