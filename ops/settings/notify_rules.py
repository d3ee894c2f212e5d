"""The settings of notifications as values of ``reports.notifications.rules``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from ops.settings.model import Settings
from ops.settings.sections.notify import NotifySettings, RuleTerms, StoredRuleTerms
from ops.settings.values import NAME_EXPECTED, WrongParts
from reports.notifications.listed_rules import ListedRule, listed_rules
from reports.notifications.rules import (
    Channel,
    ChatHook,
    EventKind,
    MailServer,
    NotifyRule,
    Webhook,
    sent_to,
)
from reports.notifications.stored_rules import stored_rules
from vocabulary.currencies import Exponents
from vocabulary.errors import Malformed
from vocabulary.money import Money

_MAIL_FIELDS = ("host", "port", "starttls", "user", "password", "sender", "recipients")


def rules_of_notify(settings: Settings) -> tuple[NotifyRule, ...]:
    """The rules of the settings."""
    return tuple(_rule(entry, _channel(entry), settings.exponents) for entry in settings.notify)


def every_rule(connection: Connection, settings: Settings) -> list[ListedRule]:
    """The rules of the settings and those of the database."""
    read_rule = partial(rule_of_terms, exponents=settings.exponents)
    return listed_rules(rules_of_notify(settings), stored_rules(connection), read_rule)


def rule_of_terms(
    terms: Mapping[str, Any], settings_rules: Mapping[str, NotifyRule], *, exponents: Exponents
) -> NotifyRule:
    """A rule of the database.

    Args:
        terms: its name and its keys, as ``StoredRuleTerms`` has them.
        settings_rules: the rules of the settings, by name.
        exponents: of currencies outside ISO 4217, as the settings name them.

    Raises:
        Malformed: it is incomplete or wrong, or its channel does not allow it.
    """
    try:
        entry = StoredRuleTerms.model_validate(terms, context={"exponents": exponents})
    except ValidationError as error:
        raise first_problem(error) from None
    owner = settings_rules.get(entry.channel)
    if owner is None:
        names = ", ".join(settings_rules) or "none"
        raise Malformed("channel", f"the name of a [[notify]] is expected; there are: {names}")
    if entry.players and not owner.players:
        raise Malformed(
            "players",
            f"the channel of {entry.channel} may not name players: its [[notify]] has no"
            " players = true",
        )
    return _rule(entry, sent_to(owner.channel, entry.recipients), exponents)


def first_problem(error: ValidationError) -> Malformed:
    """The first problem of a rule, with the key that has it."""
    first = error.errors()[0]
    place, cause = first["loc"], first.get("ctx", {}).get("error")
    if isinstance(cause, WrongParts):
        key, expected = cause.parts[0]
        place, reason = (*place, key), f"expected {expected}"
    elif isinstance(cause, ValueError):
        reason = f"expected {cause}"
    elif first["type"] == "string_pattern_mismatch":
        reason = f"expected {NAME_EXPECTED}"
    else:
        reason = str(first["msg"])
    return Malformed(".".join(map(str, place)) or "rule", reason)


def _rule(entry: RuleTerms, channel: Channel, exponents: Exponents) -> NotifyRule:
    return NotifyRule(
        name=entry.name,
        when=frozenset(EventKind(kind) for kind in entry.when),
        channel=channel,
        providers=entry.providers,
        over={
            code: Money.parse(text, code, exponents=exponents).minor
            for code, text in entry.over.items()
        },
        overdue_within=entry.overdue_within,
        every=entry.every,
        players=entry.players,
        people=entry.people,
    )


def _channel(entry: NotifySettings) -> Channel:
    if entry.mail is not None:
        values = {name: getattr(entry.mail, name) for name in _MAIL_FIELDS}
        return MailServer(**values, attach_bytes=entry.mail.attach_pack_mb * 1_000_000)
    if entry.webhook is not None:
        return Webhook(url=entry.webhook.url, secret=entry.webhook.secret)
    assert entry.chat is not None
    return ChatHook(url=entry.chat.url)
