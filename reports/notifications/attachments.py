"""Packs of signed days as attachments of mail, as far as the rule allows them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, text

from reports.notifications.message import Attachment, Notification
from reports.notifications.rules import EventKind, MailServer, NotifyRule
from vocabulary.errors import TieoutError
from vocabulary.plurals import counted

#: Makes the file of a provider's day, by slug; raises TieoutError where there is none.
PackOf = Callable[[str, date], Attachment]

#: Days of a message whose packs are made: each takes a second, and a rule that is new may tell
#: of years of them.
PACKS_MAX = 20

_SIGNED = text("""
SELECT provider, subject FROM notification_events
 WHERE message_id = :message_id AND kind = :kind ORDER BY event_no
""")


def with_packs(
    connection: Connection, message: Notification, rule: NotifyRule, pack_of: PackOf
) -> Notification:
    """The message with the packs of the days that it says are signed.

    Only mail of a rule that may name players carries packs, because packs name them. A pack
    that cannot be made, or does not fit, is a line that says so and how to get it.
    """
    channel = rule.channel
    if not isinstance(channel, MailServer) or not channel.attach_bytes or not rule.players:
        return message
    room, attachments, lines = channel.attach_bytes, [], []
    params = {"message_id": message.message_id, "kind": EventKind.DAY_SIGNED}
    signed = connection.execute(_SIGNED, params).all()
    for row in signed[:PACKS_MAX]:
        day = date.fromisoformat(row.subject.rpartition(" ")[2])
        command = f"tieout report --provider {row.provider} --day {day} --out FOLDER"
        try:
            attachment = pack_of(row.provider, day)
        except TieoutError as error:
            lines.append(f"{row.provider}: no pack of {day}: {error} [{command}]")
            continue
        if len(attachment.content) > room:
            lines.append(f"{row.provider}: the pack of {day} is too large for mail [{command}]")
            continue
        room -= len(attachment.content)
        attachments.append(attachment)
    if len(signed) > PACKS_MAX:
        more = len(signed) - PACKS_MAX
        lines.append(f"the packs of {counted(more, 'further day')} are not attached")
    return replace(message, attachments=tuple(attachments), lines=(*message.lines, *lines))
