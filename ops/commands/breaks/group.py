"""``tieout breaks``: what differs, who deals with it, and how it ends."""

import typer

from breaks import queries
from breaks.queries import BreakFilter
from ops.commands.breaks import act, adjust, bulk, evidence
from ops.commands.breaks.desk import breaks_of
from ops.commands.breaks.filters import filtered
from ops.commands.breaks.output import amount_of, show_lives, show_story, story_json
from ops.commands.json_output import print_json
from ops.commands.ledger.output import instant, table
from ops.commands.options import AsJson, BreakId, Limit
from ops.context import current
from ops.settings.break_terms import rules_of
from vocabulary.clock import SystemClock
from vocabulary.money import Money

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What differs, who deals with it, and how: from found to closed.",
)


@app.command("list")
@filtered
def list_chosen(
    ctx: typer.Context,
    *,
    chosen: BreakFilter,
    most: Limit = 1_000,
    as_json: AsJson = False,
) -> None:
    """Breaks by filter, the oldest first; all but closed ones where no state is named."""
    with breaks_of(ctx) as engine:
        lives = queries.list_breaks(engine, chosen, limit=most)
    show_lives(lives, current(ctx).settings, as_json=as_json)


@app.command()
def show(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    as_json: AsJson = False,
) -> None:
    """One break with its evidence, notes, corrections and audit trail."""
    with breaks_of(ctx) as engine:
        story = queries.break_history(engine, break_id)
    settings = current(ctx).settings
    if as_json:
        print_json(story_json(story, settings), indent=2)
    else:
        show_story(story)


@app.command()
@filtered
def ageing(ctx: typer.Context, *, chosen: BreakFilter, as_json: AsJson = False) -> None:
    """How old unfinished breaks are, by impact and currency."""
    with breaks_of(ctx) as engine:
        found = queries.age_buckets(engine, chosen, now=SystemClock().now())
    columns = ("age", "impact", "currency", "breaks", "amount")
    rows = [
        [
            *(one.age, one.impact, one.currency, one.breaks),
            Money(one.amount, one.currency).text(),
        ]
        for one in found
    ]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(list(columns), ([str(cell) for cell in row] for row in rows))


@app.command()
@filtered
def sla(ctx: typer.Context, *, chosen: BreakFilter, as_json: AsJson = False) -> None:
    """What is due when, the most urgent first; exit 1 when something is overdue."""
    settings = current(ctx).settings
    with breaks_of(ctx) as engine:
        found = queries.due_breaks(engine, chosen, rules_of(settings), now=SystemClock().now())
    columns = ("id", "due", "overdue", "impact", "difference", "currency", "assignee")
    rows = [
        [
            *(one.break_.break_id, instant(one.due), one.overdue, one.break_.impact),
            *(amount_of(one.break_, settings), one.break_.currency, one.break_.assignee),
        ]
        for one in found
    ]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(list(columns), ([str(cell or "") for cell in row] for row in rows))
    raise typer.Exit(1 if any(one.overdue for one in found) else 0)


act.register(app)
adjust.register(app)
bulk.register(app)
evidence.register(app)
