"""The settings of notifications as values of ``reports.notifications.rules``."""

from ops.settings.model import Settings
from ops.settings.sections.notify import NotifySettings
from reports.notifications.rules import (
    Channel,
    ChatHook,
    EventKind,
    MailServer,
    NotifyRule,
    Webhook,
)
from vocabulary.money import Money

_MAIL_FIELDS = ("host", "port", "starttls", "user", "password", "sender", "recipients")


def rules_of_notify(settings: Settings) -> tuple[NotifyRule, ...]:
    """The rules of the settings."""
    return tuple(
        NotifyRule(
            name=entry.name,
            when=frozenset(EventKind(kind) for kind in entry.when),
            channel=_channel(entry),
            providers=entry.providers,
            over={code: Money.parse(text, code).minor for code, text in entry.over.items()},
            overdue_within=entry.overdue_within,
            every=entry.every,
            players=entry.players,
            people=entry.people,
        )
        for entry in settings.notify
    )


def _channel(entry: NotifySettings) -> Channel:
    if entry.mail is not None:
        values = {name: getattr(entry.mail, name) for name in _MAIL_FIELDS}
        return MailServer(**values, attach_bytes=entry.mail.attach_pack_mb * 1_000_000)
    if entry.webhook is not None:
        return Webhook(url=entry.webhook.url, secret=entry.webhook.secret)
    assert entry.chat is not None
    return ChatHook(url=entry.chat.url)
