"""Settings of notifications."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ops.settings.sections.breaks import Amounts, checked_amounts
from ops.settings.values import (
    Duration,
    LateSecretRef,
    Port,
    Section,
    WrongParts,
    unset_secrets_of,
)
from reports.notifications.message import signing_key
from vocabulary.errors import Refused
from vocabulary.secrets import Secret

_CHANNELS = ("mail", "webhook", "chat")


class MailSettings(Section):
    """Where mail is handed in.

    Attributes:
        starttls: refuse a server that cannot encrypt.
        attach_pack_mb: the most that packs of signed days may take in one mail, in megabytes;
            0: no mail carries one.
    """

    host: str = Field(min_length=1)
    port: Port = 587
    starttls: bool = True
    user: str = ""
    password: LateSecretRef | None = None
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)
    attach_pack_mb: int = Field(default=0, ge=0, le=100)

    @field_validator("sender")
    @classmethod
    def _address(cls, sender: str) -> str:
        if re.fullmatch(r"[^@\s]+@[^@\s]+", sender) is None:
            raise ValueError("a mail address")
        return sender

    @field_validator("recipients")
    @classmethod
    def _addresses(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        for address in recipients:
            if address.count("@") != 1 or any(char.isspace() for char in address):
                raise ValueError("mail addresses")
        return recipients


class WebhookSettings(Section):
    """A URL, and the secret that signs what is posted there; both are references."""

    url: LateSecretRef
    secret: LateSecretRef

    @field_validator("secret")
    @classmethod
    def _a_key(cls, secret: Secret) -> Secret:
        if secret.missing:
            return secret
        try:
            signing_key(secret.value)
        except Refused as error:
            raise ValueError("a secret of the form whsec_BASE64 of 24 to 64 bytes") from error
        return secret


class ChatSettings(Section):
    """A URL that takes ``{"text": …}``; it is a secret, so it is a reference."""

    url: LateSecretRef


class RuleTerms(Section):
    """What a rule of notifications says, wherever it is kept.

    Attributes:
        when: the events it is about.
        providers: slugs; empty: all.
        over: smallest amount of a break that counts, by currency.
        overdue_within: tells of a break so long before it is due.
        every: at most one message in this time; 0s: as soon as there is something.
        players: whether messages may name players.
        people: with ``mentioned``, the people whose mentions it is about; empty: everybody.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    when: tuple[
        Literal[
            "break",
            "overdue",
            "feed_missed",
            "changed_since_sign_off",
            "approval_wanted",
            "day_ready",
            "day_signed",
            "parked",
            "mentioned",
        ],
        ...,
    ]
    providers: tuple[str, ...] = ()
    over: Amounts = Field(default_factory=dict)
    overdue_within: Duration = timedelta(0)
    every: Duration = timedelta(0)
    players: bool = False
    people: tuple[str, ...] = ()

    @field_validator("over")
    @classmethod
    def _amounts(cls, over: Amounts, info: ValidationInfo) -> Amounts:
        if wrong := checked_amounts(over, info):
            raise WrongParts(wrong)
        return over


class StoredRuleTerms(RuleTerms):
    """A rule of the database: it has no secret, and sends over a channel of the settings.

    Attributes:
        channel: the name of the ``[[notify]]`` whose channel it uses.
        recipients: whom its mail goes to; empty: whom that channel sends to.
    """

    channel: str
    recipients: tuple[str, ...] = ()

    @field_validator("when")
    @classmethod
    def _some_event(cls, when: tuple[str, ...]) -> tuple[str, ...]:
        if not when:
            raise ValueError("at least one event")
        return when


class NotifySettings(RuleTerms):
    """One rule of the settings; exactly one of ``mail``, ``webhook`` and ``chat``.

    Without events it is only a channel for rules of the database.
    """

    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None
    chat: ChatSettings | None = None

    @model_validator(mode="after")
    def _packs_name_players(self) -> Self:
        if self.mail is not None and self.mail.attach_pack_mb and not self.players:
            raise ValueError("players = true with mail.attach_pack_mb, because packs name them")
        return self

    @model_validator(mode="after")
    def _one_channel(self) -> Self:
        if sum(getattr(self, name) is not None for name in _CHANNELS) != 1:
            raise ValueError(f"exactly one of {', '.join(_CHANNELS)}")
        return self


def unset_secrets(rules: Iterable[NotifySettings]) -> Iterator[str]:
    """Each secret that is not there and keeps a rule from sending, as a problem of settings."""
    for rule in rules:
        for name in _CHANNELS:
            yield from unset_secrets_of(getattr(rule, name), f"notify rule {rule.name}: {name}")
