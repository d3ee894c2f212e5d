"""``tieout breaks bulk``: one action on every break of a filter, counted first."""

from functools import partial
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.actions import apply_to_all, require_count
from breaks.bulk import RIGHTS, STATES, BulkAction, BulkOrder, action_of
from breaks.lists.queries import BreakFilter, count_breaks
from breaks.policy import NO_LIMITS
from ops.commands.breaks.bulk_corrections import (
    Corrected,
    correct_all,
    print_refused,
    states_for,
)
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.next_run import commands_after_booking
from ops.commands.breaks.output import print_breaks
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.limits import limits_in_force
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.options import AsJson, By
from ops.context import context_of, database_url
from ops.providers.book_trials import book_trials
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.plurals import counted


@filtered
def bulk(
    ctx: typer.Context,
    step: Annotated[BulkAction, typer.Argument(help="What to do to each of them.")],
    *,
    break_filter: BreakFilter,
    by: By = None,
    reason: Annotated[str, typer.Option(help="Why, or the comment; kept for ever.")] = "",
    to: Annotated[str, typer.Option(help="With assign: who works on them.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    expect: Annotated[
        int | None, typer.Option(help="Do nothing unless there are exactly this many.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Show the count, then do it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply one action to all breaks that the filter selects, or to none.

    Corrections (propose, write-off, approve, reject) are made one by one: what is refused is
    named, exits 1, and keeps no other break waiting.
    """
    if not (dry_run or yes) and expect is None:
        raise Malformed("bulk", "--dry-run, --expect COUNT or --yes is expected")
    if step in STATES:
        break_filter = states_for(step, break_filter)
    if dry_run:
        _print_count(count_breaks(open_books(ctx), break_filter), as_json=as_json)
        return
    settings = context_of(ctx).settings
    engine, name = open_books_as(ctx, by, RIGHTS[step])
    with refusals():
        count = count_breaks(engine, break_filter)
        typer.echo(f"{step.value}: {counted(count, 'break')}", err=True)
        if expect is not None:
            require_count(count, expect)
        decides = step in STATES
        order = BulkOrder(
            action=step,
            by=name,
            reason=reason,
            to=to,
            limits=limits_in_force(engine, settings, by=name).write_offs
            if decides
            else NO_LIMITS,
            try_corrections=book_trials(settings, database_url(context_of(ctx))),
            exponents=partial(exponents_of, settings),
            books=True,
        )
        if decides:
            corrected = correct_all(engine, break_filter, order, expected=count)
            _print_corrected(engine, corrected, step, settings, as_json=as_json)
            raise typer.Exit(1 if corrected.refused else 0)
        action = action_of(order, SystemClock().now())
        breaks = apply_to_all(engine, break_filter, action, expected=count)
    print_breaks(breaks, settings, as_json=as_json)


def _print_corrected(
    engine: Engine,
    corrected: Corrected,
    step: BulkAction,
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    breaks = corrected.breaks
    print_breaks(breaks, settings, as_json=as_json)
    print_refused(corrected.refused, [break_.break_id for break_ in breaks])
    if not breaks or as_json:
        return
    if step in {BulkAction.PROPOSE, BulkAction.WRITE_OFF}:
        # Everything that waits: whoever approves takes earlier proposals with these.
        waiting = states_for(BulkAction.APPROVE, BreakFilter())
        count = count_breaks(engine, waiting)
        print_next("tieout breaks list --state adjustment_proposed,write_off_proposed")
        print_next_for_another(f"tieout breaks bulk approve --expect {count}")
    elif step is BulkAction.APPROVE:
        print_next(*commands_after_booking(breaks, settings))


def _print_count(count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"breaks": count})
    else:
        typer.echo(f"{counted(count, 'break')}")
