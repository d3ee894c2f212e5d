"""Rules about breaks: ages by name, due dates, and how much each role may write off. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from breaks.kinds import Impact
from breaks.states import ActionRefused
from vocabulary.currencies import Exponents
from vocabulary.money import Money

#: Age ranges by name, each with its end, which belongs to the next; the last has no end.
AGES: Mapping[str, timedelta] = MappingProxyType(
    {
        "under 1 day": timedelta(days=1),
        "1 to 3 days": timedelta(days=3),
        "3 to 7 days": timedelta(days=7),
        "7 to 30 days": timedelta(days=30),
        "over 30 days": timedelta.max,
    }
)
_ANY_AMOUNT: Mapping[str, int] = MappingProxyType({})
_NO_ROLES: Mapping[str, str] = MappingProxyType({})
_NO_AMOUNTS: Mapping[str, Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaRule:
    """The time within which breaks of an impact must be settled.

    Attributes:
        min_amount: smallest amount by currency, minor units; empty: any amount. The rule does
            not apply to a currency that is not listed.
    """

    impact: Impact
    within: timedelta
    min_amount: Mapping[str, int] = field(default_factory=lambda: _ANY_AMOUNT)

    def applies(self, impact: Impact, currency: str, difference: int) -> bool:
        """Whether the rule is about a break of this impact and amount."""
        if self.impact is not impact:
            return False
        least = self.min_amount.get(currency)
        return not self.min_amount or (least is not None and abs(difference) >= least)


#: Players who are owed money wait the shortest.
DEFAULT_RULES = (
    SlaRule(impact=Impact.PLAYER_OWED, within=timedelta(hours=24)),
    SlaRule(impact=Impact.OPERATOR_OWED, within=timedelta(hours=72)),
    SlaRule(impact=Impact.NONE, within=timedelta(days=7)),
)


def age_bucket(age: timedelta) -> str:
    """The name of the range that an age belongs to."""
    return next(name for name, end in AGES.items() if age < end)


def due_at(
    rules: tuple[SlaRule, ...], impact: Impact, currency: str, difference: int, since: datetime
) -> datetime | None:
    """The due date by the strictest rule that applies; None without such a rule."""
    limits = [rule.within for rule in rules if rule.applies(impact, currency, difference)]
    return since + min(limits) if limits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueLimit:
    """Breaks of an impact that are overdue if they were opened before an instant.

    Attributes:
        currency: of which currency; None: of any, whatever the amount.
        least: smallest difference of either sign in that currency, minor units.
    """

    impact: Impact
    opened_before: datetime
    currency: str | None = None
    least: int | None = None


def overdue_limits(rules: tuple[SlaRule, ...], now: datetime) -> tuple[OverdueLimit, ...]:
    """The rules as limits at an instant: a break is overdue if one of them fits."""
    limits = []
    for rule in rules:
        opened_before = now - rule.within
        if not rule.min_amount:
            limits.append(OverdueLimit(impact=rule.impact, opened_before=opened_before))
        for currency, least in rule.min_amount.items():
            limits.append(
                OverdueLimit(
                    impact=rule.impact,
                    opened_before=opened_before,
                    currency=currency,
                    least=least,
                )
            )
    return tuple(limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffLimits:
    """The largest amounts that each role may approve or write off.

    Without any limit everybody may do everything; with limits, users without a role may
    nothing.

    Attributes:
        roles: user → role.
        by_role: role → currency → minor units.
        exponents: of currencies outside ISO 4217, for what people read.
    """

    roles: Mapping[str, str] = field(default_factory=lambda: _NO_ROLES)
    by_role: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: _NO_AMOUNTS)
    exponents: Exponents = field(default_factory=dict)

    def role_of(self, user: str) -> str | None:
        """The role of a user."""
        return self.roles.get(user)

    def check(self, user: str, minor: int, currency: str) -> None:
        """Check that a user may approve or write off an amount of either sign.

        Raises:
            ActionRefused: it is beyond their limit; names the role, the limit and the amount.
        """
        if not self.by_role:
            return
        role = self.role_of(user)
        limit = self.by_role.get(role or "", {}).get(currency, 0)
        if abs(minor) > limit:
            most = Money(limit, currency).text_with_currency(exponents=self.exponents)
            amount = Money(abs(minor), currency).text(exponents=self.exponents)
            raise ActionRefused(
                f"{user}, {role or 'without a role'}: at most {most} is allowed, this is"
                f" {amount}"
            )


NO_LIMITS = WriteOffLimits()
