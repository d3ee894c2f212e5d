"""``tieout notify status``: how the messages of each rule fared."""

from dataclasses import asdict

import typer
from rich.table import Table

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.tables import print_table
from reports.notifications import outbox
from vocabulary.clock import iso


def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what each rule sent and what waits. Exit 1 if a message was given up."""
    with open_books(ctx).connect() as connection:
        rules = outbox.status(connection)
    if as_json:
        print_json([asdict(rule) for rule in rules], indent=2, instant=iso)
    else:
        table = Table("rule", "sent", "waiting", "given up", "last sent", "last error")
        for rule in rules:
            counts = (str(rule.sent), str(rule.waiting), str(rule.given_up))
            last_sent = iso(rule.last_sent_at) if rule.last_sent_at else "never"
            table.add_row(rule.rule, *counts, last_sent, rule.last_error or "")
        print_table(table)
        if any(rule.given_up for rule in rules):
            typer.echo("mend the channel, then: tieout notify again")
    raise typer.Exit(1 if any(rule.given_up for rule in rules) else 0)
