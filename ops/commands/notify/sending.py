"""``tieout notify test`` and ``again``: try a channel, and send given-up messages again."""

from typing import Annotated

import typer

from ops.commands.database import open_books
from ops.context import context_of
from ops.settings.model import Settings
from ops.settings.notify_rules import every_rule, rules_of_notify
from ops.settings.sections.notify import unset_secrets
from reports.notifications import outbox
from reports.notifications.channels import SendingFailed, send
from reports.notifications.rules import Channel
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid
from vocabulary.plurals import counted


def test(
    ctx: typer.Context, *, rule: Annotated[str, typer.Argument(help="The rule's name.")]
) -> None:
    """Send one message over a rule's channel now. Exit 1 if that fails."""
    settings = context_of(ctx).settings
    channel = _channel_of(ctx, settings, rule)
    now = SystemClock().now()
    message = outbox.trial_message(rule, now)
    try:
        send(message, channel, now)
    except SendingFailed as error:
        typer.echo(f"not sent: rule {rule}: {error}", err=True)
        typer.echo(f"mend it, then: tieout notify test {rule}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"sent: {message.message_id}")


def _channel_of(ctx: typer.Context, settings: Settings, name: str) -> Channel:
    """The channel of a rule; only a rule that the settings lack needs the database."""
    rules = {entry.name: entry for entry in rules_of_notify(settings)}
    owner = name
    if name not in rules:
        with open_books(ctx).connect() as connection:
            listed = {entry.name: entry for entry in every_rule(connection, settings)}
        if name not in listed:
            names = ", ".join(sorted(listed)) or "none"
            raise typer.BadParameter(f"no rule has this name; there are: {names}")
        entry = listed[name]
        if entry.rule is None or entry.stored is None:
            raise typer.BadParameter(f"the rule {name} cannot be in force: {entry.problem}")
        rules[name], owner = entry.rule, entry.stored.terms["channel"]
    if problems := list(unset_secrets(e for e in settings.notify if e.name == owner)):
        raise SettingsInvalid(problems)
    return rules[name].channel


def again(ctx: typer.Context) -> None:
    """Make every message that was given up due again."""
    with open_books(ctx).begin() as connection:
        messages = outbox.send_again(connection, SystemClock().now())
    typer.echo(
        f"{counted(messages, 'message is sent again', 'messages are sent again')}"
        " by the scheduler"
    )
