"""One message: written from events, and put into the form of each channel. Pure."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from reports.notifications.event import Event
from reports.notifications.rules import MailServer
from vocabulary.clock import iso
from vocabulary.errors import Refused
from vocabulary.plurals import counted

#: Events named in one message; the rest is counted.
EVENTS_SHOWN_MAX = 20
_KEY_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that mail carries."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a rule tells.

    Attributes:
        message_id: the same for every attempt, so a receiver can leave out repeats.
        lines: one per event, at most ``EVENTS_SHOWN_MAX`` and a count.
        attachments: files for mail; other channels carry none.
    """

    message_id: str
    rule: str
    created_at: datetime
    title: str
    lines: tuple[str, ...]
    events: int
    attachments: tuple[Attachment, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The body of a webhook."""
        return {
            "type": "tieout.notification",
            "timestamp": iso(self.created_at),
            "data": {
                "rule": self.rule,
                "title": self.title,
                "lines": list(self.lines),
                "events": self.events,
            },
        }


def compose(
    message_id: str, rule: str, events: Sequence[Event], created_at: datetime
) -> Notification:
    """Write the message of some events, one line each.

    Args:
        message_id: chosen by the caller, unique.
        rule: the name of the rule.
        events: at least one, in order.
        created_at: the instant of the message.
    """
    lines = [_line(event) for event in events[:EVENTS_SHOWN_MAX]]
    more = len(events) - EVENTS_SHOWN_MAX
    kinds = sorted({str(event.kind).replace("_", " ") for event in events})
    return Notification(
        message_id=message_id,
        rule=rule,
        created_at=created_at,
        title=f"Tieout: {counted(len(events), 'event')} ({', '.join(kinds)})",
        lines=(*lines, *([f"and {more} more"] if more > 0 else [])),
        events=len(events),
    )


def _line(event: Event) -> str:
    provider = f"{event.provider}: " if event.provider else ""
    return f"{provider}{event.sentence} [{event.subject}]"


def mail_of(message: Notification, server: MailServer) -> EmailMessage:
    """The message as mail; control characters of provider text cannot add header lines."""
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Date"] = message.created_at
    mail["Message-ID"] = f"<{message.message_id}@{server.sender.rpartition('@')[2]}>"
    body = "\n".join(_printable(line) for line in message.lines)
    mail.set_content(f"{body}\n\nRule {message.rule}, {iso(message.created_at)}\n")
    for attachment in message.attachments:
        mail.add_attachment(
            attachment.content,
            maintype="application",
            subtype="octet-stream",
            filename=attachment.name,
        )
    return mail


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else " " for char in line)


def webhook_of(
    message: Notification, secret: bytes, sent_at: datetime
) -> tuple[bytes, dict[str, str]]:
    """Body and headers after Standard Webhooks: id, timestamp and an HMAC over both and body.

    Args:
        message: what is sent.
        secret: ``whsec_`` and the key in base64.
        sent_at: the instant of this attempt; receivers refuse old ones.

    Raises:
        Refused: the secret has another form.
    """
    body = json.dumps(message.to_json(), ensure_ascii=False).encode()
    timestamp = str(int(sent_at.timestamp()))
    signed = f"{message.message_id}.{timestamp}.".encode() + body
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return body, {
        "content-type": "application/json",
        "webhook-id": message.message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def signing_key(secret: bytes) -> bytes:
    """The key of a Standard Webhooks secret.

    Raises:
        Refused: it is not ``whsec_`` and base64 of 24 to 64 bytes.
    """
    text = secret.decode("utf-8", "replace").strip()
    try:
        key = base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(_KEY_PREFIX) or not 24 <= len(key) <= 64:
        raise Refused("a webhook secret of the form whsec_BASE64 of 24 to 64 bytes is expected")
    return key


def chat_of(message: Notification) -> bytes:
    """The message as Slack-compatible JSON, with its markup characters escaped."""
    text = "\n".join([f"*{message.title}*", *(f"• {line}" for line in message.lines)])
    for char, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, escaped)
    return json.dumps({"text": text}, ensure_ascii=False).encode()
