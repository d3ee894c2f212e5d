"""``tieout notify rules``, ``disable`` and ``enable``: which rules there are, which rest."""

from typing import Annotated, Any

import typer
from rich.table import Table

from ops.commands.database import open_books
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.commands.queue.options import Why
from ops.commands.tables import print_table
from ops.context import context_of
from ops.settings.durations import duration_text
from ops.settings.notify_rules import every_rule
from reports.notifications.listed_rules import ListedRule
from reports.notifications.rules import target_of
from reports.notifications.stored_rules import stored_rules, switch_rule
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right

_Rule = Annotated[str, typer.Argument(help="The name of a rule that the database has.")]


def rules(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List every rule: those of the settings, then those that people keep in the console."""
    settings = context_of(ctx).settings
    with open_books(ctx).connect() as connection:
        listed = every_rule(connection, settings)
    if as_json:
        print_json([_json(entry) for entry in listed], indent=2)
        return
    table = Table("rule", "from", "state", "told of", "goes to")
    for entry in listed:
        row = _json(entry)
        state = "in force" if entry.is_in_force else entry.problem or "disabled"
        events = ", ".join(row["when"])
        table.add_row(entry.name, row["source"], state, events, row["target"] or "")
    print_table(table)


def disable(ctx: typer.Context, rule: _Rule, *, by: By = None, why: Why = None) -> None:
    """Let a rule of the database rest: no events are taken, and its messages wait."""
    _switch(ctx, rule, by, why, disabled=True)


def enable(ctx: typer.Context, rule: _Rule, *, by: By = None, why: Why = None) -> None:
    """Put a rule of the database in force again."""
    _switch(ctx, rule, by, why, disabled=False)


def _switch(
    ctx: typer.Context, name: str, by: str | None, why: str | None, *, disabled: bool
) -> None:
    if why is None or not why.strip():
        raise Malformed("--why", "expected, for the audit trail")
    engine, person = open_books_as(ctx, by, Right.SET_NOTIFICATIONS)
    with engine.begin() as connection:
        names = [rule.name for rule in stored_rules(connection)]
        if name not in names:
            there_are = ", ".join(names) or "none"
            raise typer.BadParameter(
                f"the database has no rule {name}; there are: {there_are}. Rules of the"
                " settings are changed in the settings file"
            )
        changed = switch_rule(
            connection,
            name,
            disabled=disabled,
            version=None,
            by=person,
            now=SystemClock().now(),
            reason=why.strip(),
        )
    state = "disabled" if disabled else "enabled"
    typer.echo(f"rule {name} is {state}" + ("" if changed else ", as it was before"))


def _json(entry: ListedRule) -> dict[str, Any]:
    rule = entry.rule
    return {
        "rule": entry.name,
        "source": entry.source,
        "in_force": entry.is_in_force,
        "disabled": entry.is_disabled,
        "problem": entry.problem or None,
        "when": [] if rule is None else sorted(rule.when),
        "providers": [] if rule is None else list(rule.providers),
        "people": [] if rule is None else list(rule.people),
        "every": None if rule is None else duration_text(rule.every),
        "players": None if rule is None else rule.players,
        "target": None if rule is None else target_of(rule.channel),
    }
