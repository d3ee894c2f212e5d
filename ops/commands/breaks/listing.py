"""``tieout breaks list|groups|show|ageing|sla``: read breaks."""

from typing import Annotated

import typer

from breaks.lists import queries
from breaks.lists.queries import BreakFilter
from breaks.sources import sources_of
from breaks.standing import counts_text
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.lines import group_lines, total_lines
from ops.commands.breaks.output import (
    difference_text,
    group_json,
    history_json,
    print_breaks,
)
from ops.commands.breaks.show import history_lines, next_commands, source_json
from ops.commands.breaks.targets import groups_of, on_break
from ops.commands.database import open_books, refusals
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Limit
from ops.commands.tables import instant, print_rows, table, text
from ops.context import context_of, own_exponents
from ops.settings.break_policy import exponents_of, rules_of
from vocabulary.clock import SystemClock
from vocabulary.plurals import counted


@filtered
def list_breaks(
    ctx: typer.Context,
    *,
    break_filter: BreakFilter,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """List breaks, oldest first; without --state all but closed ones."""
    engine = open_books(ctx)
    breaks = queries.list_breaks(engine, break_filter, limit=most)
    print_breaks(breaks, context_of(ctx).settings, as_json=as_json)
    for name in () if breaks else queries.unmatched_names(engine, break_filter):
        option = name.removesuffix("_id")
        value = getattr(break_filter, name)
        typer.echo(f"no break, open or closed, has --{option} {value}", err=True)
    if len(breaks) == most:
        count = queries.count_breaks(engine, break_filter)
        if count > most:
            typer.echo(f"these are the oldest {most} of {count}: --most shows more", err=True)


@filtered
def groups(
    ctx: typer.Context,
    *,
    break_filter: BreakFilter,
    most: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Group breaks by their likely cause, the largest groups first; actions take --group."""
    settings = context_of(ctx).settings
    listed = groups_of(open_books(ctx), settings, break_filter)
    if as_json:
        print_json([group_json(group, settings) for group in listed[:most]], indent=2)
        return
    for group in listed[:most]:
        for line in group_lines(group, settings):
            typer.echo(line)
    if len(listed) > most:
        typer.echo(f"and {counted(len(listed) - most, 'more group')}: --most shows more")
    breaks = [break_ for group in listed for break_ in group.breaks]
    for line in total_lines(breaks, settings):
        typer.echo(line)


@on_break
def show(
    ctx: typer.Context,
    *,
    break_id: str,
    show_bytes: Annotated[
        bool, typer.Option("--bytes", help="Also what was received and sent, as it was.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one break: both sides, what each source says, its history, and what to do next."""
    engine, settings = open_books(ctx), context_of(ctx).settings
    with refusals():
        history = queries.break_history(engine, break_id)
    # The queues of inquiries take 170 ms that lists do not need.
    from ops.providers.inquiries import askable  # noqa: PLC0415

    exponents = exponents_of(settings, history.break_.provider)
    can_ask = history.break_.provider in askable(settings)
    words = sources_of(engine, history.break_, exponents)
    if as_json:
        document = {
            **history_json(history, settings),
            "sources": [source_json(source, show_bytes=show_bytes) for source in words],
            "next": next_commands(history.break_, exponents, can_ask=can_ask),
        }
        print_json(document, indent=2)
        return
    for line in history_lines(history, words, settings, can_ask=can_ask, show_bytes=show_bytes):
        typer.echo(line)


@filtered
def ageing(ctx: typer.Context, *, break_filter: BreakFilter, as_json: AsJson = False) -> None:
    """Count breaks by age, impact and currency, those still open apart from the others."""
    buckets = queries.age_buckets(open_books(ctx), break_filter, now=SystemClock().now())
    rows = [
        {
            "age": bucket.age,
            "impact": bucket.impact,
            "currency": bucket.currency,
            "breaks": bucket.breaks,
            "amount": text(bucket.amount, bucket.currency, own_exponents(ctx)),
            **{str(standing): count for standing, count in bucket.standings.items()},
        }
        for bucket in buckets
    ]
    if as_json:
        print_json(rows)
        return
    table(
        ["age", "impact", "currency", "breaks", "amount", "of them"],
        (
            [
                *(bucket.age, bucket.impact, bucket.currency, str(bucket.breaks)),
                *(str(row["amount"]), counts_text(bucket.standings)),
            ]
            for bucket, row in zip(buckets, rows, strict=True)
        ),
    )


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
            "provider": due.break_.provider,
            "state": due.break_.state,
            "standing": due.break_.standing,
        }
        for due in due_breaks
    ]
    columns = ("id", "due", "overdue", "impact", "difference", "currency", "assignee")
    print_rows(rows, columns, as_json=as_json)
    raise typer.Exit(1 if any(due.overdue for due in due_breaks) else 0)
