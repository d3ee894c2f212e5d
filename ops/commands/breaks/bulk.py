"""``tieout breaks bulk``: the same step for every break a filter chooses, counted first."""

from enum import StrEnum
from typing import Annotated

import typer

from breaks.actions import (
    BreakAction,
    Note,
    apply_to_all,
    assigning,
    closing,
    explaining,
    noting,
    reopening,
)
from breaks.policy import WriteOffLimits
from breaks.queries import BreakFilter, count_breaks
from ops.commands.breaks.desk import breaks_of
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.output import show_lives
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.context import current
from ops.settings.break_terms import limits_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed


class BulkAction(StrEnum):
    """What can be done to many breaks at once; money moves one by one."""

    ASSIGN = "assign"
    COMMENT = "comment"
    EXPLAIN = "explain"
    CLOSE = "close"
    REOPEN = "reopen"


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(filtered(bulk))


def bulk(
    ctx: typer.Context,
    step: Annotated[BulkAction, typer.Argument(help="What to do to each of them.")],
    *,
    chosen: BreakFilter,
    by: By,
    reason: Annotated[str, typer.Option(help="Why, or the comment; kept for ever.")] = "",
    to: Annotated[str, typer.Option(help="With assign: who deals with them.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    expect: Annotated[
        int | None, typer.Option(help="Do it if these are so many; else nothing.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Show the count, then do it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do one step to every break the filter chooses, or to none of them."""
    if not (dry_run or yes) and expect is None:
        raise Malformed("bulk", "--dry-run, --expect COUNT or --yes is expected")
    settings = current(ctx).settings
    with breaks_of(ctx) as engine:
        count = count_breaks(engine, chosen)
        if dry_run:
            _show_count(count, as_json=as_json)
            return
        typer.echo(f"{step.value}: {count} breaks", err=True)
        act = _act(step, by=by, reason=reason, to=to, limits=limits_of(settings))
        done = apply_to_all(engine, chosen, act, expected=count if expect is None else expect)
    show_lives(done, settings, as_json=as_json)


def _show_count(count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"breaks": count})
    else:
        typer.echo(f"{count} breaks")


def _act(
    step: BulkAction, *, by: str, reason: str, to: str, limits: WriteOffLimits
) -> BreakAction:
    now = SystemClock().now()
    match step:
        case BulkAction.ASSIGN:
            return assigning(to=to, by=by, why=reason or "assigned", now=now)
        case BulkAction.COMMENT:
            return noting(Note(kind="comment", body=reason), by=by, now=now)
        case BulkAction.EXPLAIN:
            return explaining(by=by, why=reason, now=now)
        case BulkAction.CLOSE:
            return closing(by=by, why=reason, now=now, limits=limits)
        case BulkAction.REOPEN:
            return reopening(by=by, why=reason, now=now)
