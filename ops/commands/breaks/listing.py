"""``tieout breaks list|show|ageing|sla``: read breaks."""

import typer

from breaks import queries
from breaks.queries import BreakFilter
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.output import (
    difference_text,
    history_json,
    print_breaks,
    print_history,
)
from ops.commands.database import open_books, refusals
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, BreakId, Limit
from ops.commands.tables import instant, print_rows
from ops.context import context_of
from ops.settings.break_policy import rules_of
from vocabulary.clock import SystemClock
from vocabulary.money import Money


@filtered
def list_breaks(
    ctx: typer.Context,
    *,
    break_filter: BreakFilter,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """List breaks, oldest first; without --state all but closed ones."""
    breaks = queries.list_breaks(open_books(ctx), break_filter, limit=most)
    print_breaks(breaks, context_of(ctx).settings, as_json=as_json)


def show(ctx: typer.Context, break_id: BreakId, *, as_json: AsJson = False) -> None:
    """Show one break with its evidence, notes, corrections and audit trail."""
    with refusals():
        history = queries.break_history(open_books(ctx), break_id)
    if as_json:
        print_json(history_json(history, context_of(ctx).settings), indent=2)
    else:
        print_history(history)


@filtered
def ageing(ctx: typer.Context, *, break_filter: BreakFilter, as_json: AsJson = False) -> None:
    """Count unfinished breaks by age, impact and currency."""
    buckets = queries.age_buckets(open_books(ctx), break_filter, now=SystemClock().now())
    rows = [
        {
            "age": bucket.age,
            "impact": bucket.impact,
            "currency": bucket.currency,
            "breaks": bucket.breaks,
            "amount": Money(bucket.amount, bucket.currency).text(),
        }
        for bucket in buckets
    ]
    columns = ("age", "impact", "currency", "breaks", "amount")
    print_rows(rows, columns, as_json=as_json)


@filtered
def sla(ctx: typer.Context, *, break_filter: BreakFilter, as_json: AsJson = False) -> None:
    """Show when each break is due, most urgent first; exit 1 if one is overdue."""
    settings = context_of(ctx).settings
    due_breaks = queries.due_breaks(
        open_books(ctx), break_filter, rules_of(settings), now=SystemClock().now()
    )
    rows = [
        {
            "id": due.break_.break_id,
            "due": instant(due.due),
            "overdue": due.overdue,
            "impact": due.break_.impact,
            "difference": difference_text(due.break_, settings),
            "currency": due.break_.currency,
            "assignee": due.break_.assignee,
        }
        for due in due_breaks
    ]
    columns = ("id", "due", "overdue", "impact", "difference", "currency", "assignee")
    print_rows(rows, columns, as_json=as_json)
    raise typer.Exit(1 if any(due.overdue for due in due_breaks) else 0)
