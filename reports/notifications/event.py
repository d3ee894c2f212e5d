"""An event that people are notified of, and what a query for new ones needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from breaks.policy import SlaRule
from reports.notifications.rules import EventKind, NotifyRule
from vocabulary.currencies import CurrencyUnknown, joined_exponents
from vocabulary.money import Money

#: Events of one kind and rule that one turn takes; the next turn takes the next ones, so a
#: query must leave out what a rule never takes: see ``OF_PROVIDERS``.
EVENTS_MAX = 1_000

#: Leaves out what the rule has taken already.
NOT_TAKEN = """
 AND NOT EXISTS (SELECT FROM notification_events e
                  WHERE e.rule = :rule AND e.kind = :kind AND e.event_key = {key})
"""
#: Leaves out other providers, if the rule names some; what is of none is for every rule.
OF_PROVIDERS = """
 AND (cardinality(CAST(:providers AS text[])) = 0
      OR {provider} = '' OR {provider} = ANY (CAST(:providers AS text[])))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a person is to know.

    Attributes:
        key: stays the same while the cause lasts.
        provider: its slug; empty: of none.
        sentence: what happened, in one plain sentence.
        subject: the id to look it up by.
    """

    kind: EventKind
    key: str
    provider: str
    sentence: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What events depend on beside the database.

    Attributes:
        sla: when breaks are due.
        stale_after: by provider, the longest silence of its feeds; None: any.
        exponents: by provider, its overrides of digits after the decimal point.
        pushing: providers that send their history by themselves.
    """

    now: datetime
    sla: tuple[SlaRule, ...]
    stale_after: Mapping[str, timedelta | None]
    exponents: Mapping[str, Mapping[str, int]]
    pushing: frozenset[str] = frozenset()

    def money(self, provider: str, minor: int, currency: str) -> str:
        """An amount with its currency, as people write it.

        What belongs to no provider of the settings has the digits that any of them names; if
        none does, it is written in the smallest units: one amount must not stop all messages.
        """
        own = self.exponents.get(provider)
        exponents = joined_exponents(self.exponents.values()) if own is None else own
        try:
            return Money(minor, currency).text_with_currency(exponents=exponents)
        except CurrencyUnknown:
            return f"{minor} {currency} in its smallest units"


def taking(rule: NotifyRule, kind: EventKind) -> dict[str, object]:
    """The parameters that every query for new events has."""
    providers = list(rule.providers)
    return {"rule": rule.name, "kind": kind, "limit": EVENTS_MAX, "providers": providers}
