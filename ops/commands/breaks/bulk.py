"""``tieout breaks bulk``: one action on every break of a filter, counted first."""

from enum import StrEnum
from typing import Annotated

import typer

from breaks.actions import (
    BreakAction,
    Note,
    apply_to_all,
    assigning,
    awaiting,
    closing,
    explaining,
    noting,
    reopening,
)
from breaks.queries import BreakFilter, count_breaks
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.output import print_breaks
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.context import context_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right


class BulkAction(StrEnum):
    """Actions on many breaks at once; corrections of money are made one by one."""

    ASSIGN = "assign"
    COMMENT = "comment"
    EXPLAIN = "explain"
    WAIT = "wait"
    CLOSE = "close"
    REOPEN = "reopen"


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
    """Apply one action to all breaks that the filter selects, or to none."""
    if not (dry_run or yes) and expect is None:
        raise Malformed("bulk", "--dry-run, --expect COUNT or --yes is expected")
    if dry_run:
        _print_count(count_breaks(open_books(ctx), break_filter), as_json=as_json)
        return
    settings = context_of(ctx).settings
    right = Right.WRITE_OFF if step is BulkAction.CLOSE else Right.WORK_BREAKS
    engine, name = open_books_as(ctx, by, right)
    with refusals():
        count = count_breaks(engine, break_filter)
        typer.echo(f"{step.value}: {count} breaks", err=True)
        action = _action(step, by=name, reason=reason, to=to)
        expected = count if expect is None else expect
        breaks = apply_to_all(engine, break_filter, action, expected=expected)
    print_breaks(breaks, settings, as_json=as_json)


def _print_count(count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"breaks": count})
    else:
        typer.echo(f"{count} breaks")


def _action(step: BulkAction, *, by: str, reason: str, to: str) -> BreakAction:
    now = SystemClock().now()
    match step:
        case BulkAction.ASSIGN:
            return assigning(to=to, by=by, why=reason or "assigned", now=now)
        case BulkAction.COMMENT:
            return noting(Note(kind="comment", body=reason), by=by, now=now)
        case BulkAction.EXPLAIN:
            return explaining(by=by, why=reason, now=now)
        case BulkAction.WAIT:
            return awaiting(by=by, why=reason, now=now)
        case BulkAction.CLOSE:
            return closing(by=by, why=reason, now=now)
        case BulkAction.REOPEN:
            return reopening(by=by, why=reason, now=now)
