"""``tieout notify status``: how the messages of each rule fared."""

from dataclasses import asdict

import typer
from rich.table import Table

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.tables import print_table
from ops.context import context_of
from ops.settings.notify_rules import every_rule
from reports.notifications import outbox
from vocabulary.clock import iso


def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what each rule sent and what waits. Exit 1 if a message was given up."""
    settings = context_of(ctx).settings
    with open_books(ctx).connect() as connection:
        rules = outbox.status(connection)
        listed = reversed(every_rule(connection, settings))
        sources = {entry.name: str(entry.source) for entry in listed}
    if as_json:
        rows = [{**asdict(rule), "source": sources.get(rule.rule)} for rule in rules]
        print_json(rows, indent=2, instant=iso)
    else:
        table = Table("rule", "from", "sent", "waiting", "given up", "last sent", "last error")
        for rule in rules:
            counts = (str(rule.sent), str(rule.waiting), str(rule.given_up))
            last_sent = iso(rule.last_sent_at) if rule.last_sent_at else "never"
            source = sources.get(rule.rule, "nowhere")
            table.add_row(rule.rule, source, *counts, last_sent, rule.last_error or "")
        print_table(table)
        if any(rule.given_up for rule in rules):
            typer.echo("mend the channel, then: tieout notify again")
    raise typer.Exit(1 if any(rule.given_up for rule in rules) else 0)
