"""Rules of notifications: which events, for whom, over which channel. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from vocabulary.secrets import Secret


class EventKind(StrEnum):
    """What people can be notified of; a closed set."""

    BREAK = "break"
    OVERDUE = "overdue"
    FEED_MISSED = "feed_missed"
    CHANGED_SINCE_SIGN_OFF = "changed_since_sign_off"
    APPROVAL_WANTED = "approval_wanted"
    DAY_READY = "day_ready"
    DAY_SIGNED = "day_signed"
    PARKED = "parked"
    MENTIONED = "mentioned"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in.

    Attributes:
        starttls: whether the connection must be encrypted before anything is sent.
        user: empty: without a login.
        attach_bytes: the most that packs of signed days may take in one mail; 0: none is sent.
    """

    host: str
    port: int
    starttls: bool
    user: str
    password: Secret | None
    sender: str
    recipients: tuple[str, ...]
    attach_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that messages are posted to, signed after Standard Webhooks."""

    url: Secret
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHook:
    """A URL that takes ``{"text": …}``, as Slack and compatible services do."""

    url: Secret


Channel = MailServer | Webhook | ChatHook


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRule:
    """One rule.

    Attributes:
        name: unique; a message names it.
        when: the events it is about.
        providers: slugs; empty: all.
        over: smallest amount of a break by currency, minor units; a currency that is not listed
            counts from any amount on.
        overdue_within: a break counts as overdue so long before it is due.
        every: shortest time between two messages; events in between come in one digest.
        players: whether messages may name players.
        people: whose mentions count; empty: everybody's.
    """

    name: str
    when: frozenset[EventKind]
    channel: Channel
    providers: tuple[str, ...] = ()
    over: Mapping[str, int] = field(default_factory=dict)
    overdue_within: timedelta = timedelta(0)
    every: timedelta = timedelta(0)
    players: bool = False
    people: tuple[str, ...] = ()

    def is_about(self, provider: str) -> bool:
        """Whether the rule is about a provider; events of none are about all."""
        return not self.providers or not provider or provider in self.providers
