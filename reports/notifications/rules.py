"""Rules of notifications: which events, for whom, over which channel. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from vocabulary.errors import Malformed
from vocabulary.secrets import Secret

#: A mail address in plain ASCII: nothing in it ends a header or adds a recipient.
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,190}", re.ASCII | re.IGNORECASE
)


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


def sent_to(channel: Channel, recipients: Iterable[str]) -> Channel:
    """The channel with other recipients of its mail; none: as it is.

    Only domains of the channel's own addresses are taken: whoever may write a rule must not
    send what the books say wherever they like.

    Raises:
        Malformed: it is no mail server, or an address is none or of another domain.
    """
    addresses = tuple(recipients)
    if not addresses:
        return channel
    if not isinstance(channel, MailServer):
        raise Malformed("recipients", "only a channel that sends mail takes addresses")
    domains = {_domain(address) for address in (*channel.recipients, channel.sender)}
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise Malformed("recipients", f"mail addresses are expected; {address!r} is none")
        if _domain(address) not in domains:
            expected = ", ".join(sorted(domains))
            raise Malformed(
                "recipients",
                f"addresses at {expected} are expected, because the settings send there;"
                f" {address} is elsewhere",
            )
    return replace(channel, recipients=addresses)


def target_of(channel: Channel) -> str:
    """Where messages go; a URL is a secret, so its reference is shown."""
    match channel:
        case MailServer():
            return f"mail to {', '.join(channel.recipients)} by {channel.host}:{channel.port}"
        case ChatHook():
            return f"chat, {channel.url.reference}"
        case Webhook():
            return f"webhook, {channel.url.reference}"


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


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
