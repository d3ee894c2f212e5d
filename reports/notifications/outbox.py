"""The outbox: events that a rule took, messages made of them, and how their sending went.

Tables touched: ``notification_events`` and ``notifications`` (written). A message is stored
before it is sent and marked afterwards, so it is sent at least once; its id tells repeats.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from reports.notifications.event import Event
from reports.notifications.message import Notification, compose
from reports.notifications.rules import EventKind, NotifyRule

#: Attempts at one message; then it is given up and says so until a person sends it again.
ATTEMPTS_MAX = 8
#: Wait after the first failed attempt; it doubles with each further one.
FIRST_WAIT = timedelta(seconds=30)
#: Longest wait between two attempts.
WAIT_MAX = timedelta(hours=1)
#: Longest error text kept, in characters.
ERROR_CHARS_MAX = 300
#: Messages that one turn sends.
MESSAGES_MAX = 100

_TAKE = text("""
INSERT INTO notification_events (rule, kind, event_key, provider, sentence, subject, taken_at)
VALUES (:rule, :kind, :event_key, :provider, :sentence, :subject, :now)
ON CONFLICT DO NOTHING
""")
_LAST_MESSAGE = text("""
SELECT max(created_at) FROM notifications WHERE rule = :rule AND requested_by IS NULL
""")
_ASK = text("""
INSERT INTO notifications (message_id, rule, created_at, title, lines, events, next_attempt_at,
                           requested_by, recipients)
VALUES (:message_id, :rule, :now, :title, CAST(:lines AS jsonb), :events, :now, :by,
        CAST(:recipients AS text[]))
""")
_RECENT = text("""
SELECT message_id, rule, created_at, title, lines, sent_at, given_up_at, next_attempt_at,
       attempts, last_error, requested_by, recipients
  FROM notifications WHERE rule = :rule ORDER BY created_at DESC, message_id LIMIT :limit
""")
_TRIED = text("""
SELECT EXISTS (SELECT FROM notifications
                WHERE rule = :rule AND requested_by IS NOT NULL AND sent_at IS NULL
                  AND given_up_at IS NULL)
""")
_UNSENT_EVENTS = text("""
SELECT event_no, kind, event_key, provider, sentence, subject FROM notification_events
 WHERE rule = :rule AND message_id IS NULL ORDER BY event_no FOR UPDATE
""")
_STORE = text("""
INSERT INTO notifications (message_id, rule, created_at, title, lines, events, next_attempt_at)
VALUES (:message_id, :rule, :now, :title, CAST(:lines AS jsonb), :events, :now)
""")
_ASSIGN = text("""
UPDATE notification_events SET message_id = :message_id WHERE event_no = ANY (:numbers)
""")
_DUE = text("""
SELECT message_id, rule, created_at, title, lines, events, attempts, recipients
  FROM notifications
 WHERE sent_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= :now
   AND (requested_by IS NOT NULL OR rule <> ALL (:disabled))
 ORDER BY created_at, message_id LIMIT :limit
""")
_SENT = text("""
UPDATE notifications SET sent_at = :now, attempts = attempts + 1, last_error = NULL
 WHERE message_id = :message_id
""")
_FAILED = text("""
UPDATE notifications
   SET attempts = attempts + 1, last_error = :error, next_attempt_at = :next,
       given_up_at = :given_up_at
 WHERE message_id = :message_id
""")
_AGAIN = text("""
UPDATE notifications SET given_up_at = NULL, attempts = 0, next_attempt_at = :now
 WHERE given_up_at IS NOT NULL RETURNING message_id
""")
_STATUS = text("""
SELECT rule, count(*) FILTER (WHERE sent_at IS NOT NULL) AS sent,
       count(*) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS waiting,
       count(*) FILTER (WHERE given_up_at IS NOT NULL) AS given_up,
       max(sent_at) AS last_sent_at,
       (array_agg(last_error ORDER BY next_attempt_at DESC)
            FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
  FROM notifications GROUP BY rule ORDER BY rule
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNotification:
    """A message to send now, and how often that failed.

    Attributes:
        recipients: whom it goes to instead of those of the rule; empty: to them.
    """

    message: Notification
    attempts: int
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStatus:
    """How the messages of one rule fared."""

    rule: str
    sent: int
    waiting: int
    given_up: int
    last_sent_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message of a rule, and how its sending went.

    Attributes:
        requested_by: the person who tried the rule with it; None: it tells of events.
        recipients: whom a trial goes to instead of those of the rule.
    """

    message_id: str
    rule: str
    created_at: datetime
    title: str
    lines: tuple[str, ...]
    sent_at: datetime | None
    given_up_at: datetime | None
    next_attempt_at: datetime
    attempts: int
    last_error: str | None
    requested_by: str | None
    recipients: tuple[str, ...] = ()


def recent_messages(connection: Connection, rule: str, limit: int) -> list[StoredMessage]:
    """The newest messages of a rule."""
    rows = connection.execute(_RECENT, {"rule": rule, "limit": limit}).mappings()
    return [
        StoredMessage(
            **{
                **row,
                "lines": tuple(row["lines"]),
                "recipients": tuple(row["recipients"] or ()),
            }
        )
        for row in rows
    ]


def request_test(
    connection: Connection,
    rule: str,
    *,
    by: str,
    now: datetime,
    recipients: Sequence[str] = (),
) -> bool:
    """Store a message that tries a rule; the scheduler sends it. False if one waits already.

    Args:
        connection: of a transaction.
        rule: its name.
        by: who tries it.
        now: when.
        recipients: whom it goes to instead of those of the rule; empty: to them.
    """
    if connection.execute(_TRIED, {"rule": rule}).scalar_one():
        return False
    params = {"by": by, "recipients": list(recipients) or None}
    connection.execute(_ASK, {**_columns(trial_message(rule, now)), **params})
    return True


def trial_message(rule: str, now: datetime) -> Notification:
    """A message that says that it tries a rule."""
    return Notification(
        message_id=f"msg-{uuid.uuid4().hex}",
        rule=rule,
        created_at=now,
        title="Tieout: a test message",
        lines=("Notifications of this rule arrive here.",),
        events=1,
    )


def take(
    connection: Connection, rule: NotifyRule, events: Sequence[Event], now: datetime
) -> None:
    """Store events for a rule; one that it has taken before changes nothing."""
    if not events:
        return
    rows = [
        {
            "rule": rule.name,
            "kind": event.kind,
            "event_key": event.key,
            "provider": event.provider,
            "sentence": event.sentence,
            "subject": event.subject,
            "now": now,
        }
        for event in events
    ]
    connection.execute(_TAKE, rows)


def write_message(
    connection: Connection, rule: NotifyRule, now: datetime
) -> Notification | None:
    """Make one message of all events that wait, unless the rule's digest is not due yet."""
    last = connection.execute(_LAST_MESSAGE, {"rule": rule.name}).scalar_one()
    if last is not None and now - last < rule.every:
        return None
    rows = connection.execute(_UNSENT_EVENTS, {"rule": rule.name}).all()
    if not rows:
        return None
    events = [
        Event(
            kind=EventKind(row.kind),
            key=row.event_key,
            provider=row.provider,
            sentence=row.sentence,
            subject=row.subject,
        )
        for row in rows
    ]
    message = compose(f"msg-{uuid.uuid4().hex}", rule.name, events, now)
    connection.execute(_STORE, _columns(message))
    numbers = [row.event_no for row in rows]
    connection.execute(_ASSIGN, {"message_id": message.message_id, "numbers": numbers})
    return message


def _columns(message: Notification) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "rule": message.rule,
        "now": message.created_at,
        "title": message.title,
        "lines": json.dumps(message.lines),
        "events": message.events,
    }


def due_messages(
    connection: Connection, now: datetime, disabled: Iterable[str] = ()
) -> list[DueNotification]:
    """The messages whose next attempt is due, the oldest first.

    Those of disabled rules wait, but for messages that try one.
    """
    params = {"now": now, "limit": MESSAGES_MAX, "disabled": list(disabled)}
    return [
        DueNotification(
            message=Notification(
                message_id=row.message_id,
                rule=row.rule,
                created_at=row.created_at,
                title=row.title,
                lines=tuple(row.lines),
                events=row.events,
            ),
            attempts=row.attempts,
            recipients=tuple(row.recipients or ()),
        )
        for row in connection.execute(_DUE, params)
    ]


def mark_sent(connection: Connection, message_id: str, now: datetime) -> None:
    """Record that a message was accepted by its channel."""
    connection.execute(_SENT, {"message_id": message_id, "now": now})


def mark_failed(
    connection: Connection, due: DueNotification, error: str, now: datetime
) -> bool:
    """Record a failed attempt; returns whether the message is given up."""
    is_last = due.attempts + 1 >= ATTEMPTS_MAX
    parameters = {
        "message_id": due.message.message_id,
        "error": error[:ERROR_CHARS_MAX],
        "next": now + min(FIRST_WAIT * 2**due.attempts, WAIT_MAX),
        "given_up_at": now if is_last else None,
    }
    connection.execute(_FAILED, parameters)
    return is_last


def send_again(connection: Connection, now: datetime) -> int:
    """Make all given-up messages due again; returns how many."""
    return len(connection.execute(_AGAIN, {"now": now}).all())


def status(connection: Connection) -> list[RuleStatus]:
    """How the messages of every rule fared."""
    return [RuleStatus(**row) for row in connection.execute(_STATUS).mappings()]
