"""One turn: take new events, write messages, send what is due."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Engine

from reports.notifications.attachments import PackOf, with_packs
from reports.notifications.channels import SendingFailed
from reports.notifications.event import Circumstances
from reports.notifications.events import new_events
from reports.notifications.message import Notification
from reports.notifications.outbox import (
    DueNotification,
    due_messages,
    mark_failed,
    mark_sent,
    take,
    write_message,
)
from reports.notifications.rules import Channel, NotifyRule, sent_to
from vocabulary.errors import Malformed

Send = Callable[[Notification, Channel, datetime], None]

log = structlog.get_logger()


def notify(
    engine: Engine,
    rules: Sequence[NotifyRule],
    circumstances: Circumstances,
    send: Send,
    pack_of: PackOf | None = None,
    *,
    disabled: Sequence[NotifyRule] = (),
) -> int:
    """Do one turn; returns how many messages were sent.

    Args:
        engine: the database of the outbox.
        rules: every rule in force, by unique name.
        circumstances: what events depend on.
        send: sends one message or raises ``SendingFailed``.
        pack_of: makes the packs that mail may carry; None: no mail carries any.
        disabled: rules that take no events; only messages that try one are sent.
    """
    now = circumstances.now
    for rule in rules:
        with engine.begin() as connection:
            take(connection, rule, new_events(connection, rule, circumstances), now)
            write_message(connection, rule, now)
    with engine.connect() as connection:
        due = due_messages(connection, now, [rule.name for rule in disabled])
    by_name = {rule.name: rule for rule in (*rules, *disabled)}
    channels = {name: rule.channel for name, rule in by_name.items()}
    return sum(
        _send(engine, _with_files(engine, message, by_name, pack_of), channels, now, send)
        for message in due
    )


def _with_files(
    engine: Engine,
    due: DueNotification,
    rules: Mapping[str, NotifyRule],
    pack_of: PackOf | None,
) -> DueNotification:
    rule = rules.get(due.message.rule)
    if rule is None or pack_of is None:
        return due
    with engine.connect() as connection:
        return replace(due, message=with_packs(connection, due.message, rule, pack_of))


def _send(
    engine: Engine,
    due: DueNotification,
    channels: Mapping[str, Channel],
    now: datetime,
    send: Send,
) -> bool:
    """Send one message and record the outcome; returns whether it was sent."""
    message = due.message
    channel = channels.get(message.rule)
    if channel is None:
        _failed(engine, due, "no rule of this name is in force any more", now)
        return False
    try:
        send(message, sent_to(channel, due.recipients), now)
    except (SendingFailed, Malformed) as error:
        _failed(engine, due, str(error), now)
        return False
    with engine.begin() as connection:
        mark_sent(connection, message.message_id, now)
    return True


def _failed(engine: Engine, due: DueNotification, why: str, now: datetime) -> None:
    with engine.begin() as connection:
        is_given_up = mark_failed(connection, due, why, now)
    level = log.error if is_given_up else log.warning
    level(
        "notification_given_up" if is_given_up else "notification_failed",
        rule=due.message.rule,
        message=due.message.message_id,
        attempts=due.attempts + 1,
        why=why,
    )
