"""Rules about breaks: ages by name, due dates, and how much each role may write off. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from breaks.kinds import Impact
from breaks.states import ActionRefused
from vocabulary.money import Money

#: Ages by name, each with where it ends; the last has no end.
AGES: Mapping[str, timedelta] = MappingProxyType(
    {
        "under 1 day": timedelta(days=1),
        "1 to 3 days": timedelta(days=3),
        "3 to 7 days": timedelta(days=7),
        "7 to 30 days": timedelta(days=30),
        "over 30 days": timedelta.max,
    }
)
_ANY: Mapping[str, int] = MappingProxyType({})
_NOBODY: Mapping[str, str] = MappingProxyType({})
_NOTHING: Mapping[str, Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaRule:
    """Breaks of an impact are dealt with within a time.

    Attributes:
        over: from how much on, minor units by currency; empty: any amount. A currency that is
            not named here is not meant.
    """

    impact: Impact
    within: timedelta
    over: Mapping[str, int] = field(default_factory=lambda: _ANY)


#: Whom we owe is not kept waiting.
DEFAULT_RULES = (
    SlaRule(impact=Impact.PLAYER_OWED, within=timedelta(hours=24)),
    SlaRule(impact=Impact.OPERATOR_OWED, within=timedelta(hours=72)),
    SlaRule(impact=Impact.NONE, within=timedelta(days=7)),
)


def age_bucket(age: timedelta) -> str:
    """The name of an age; what ends a bucket belongs to the next."""
    return next(name for name, end in AGES.items() if age < end)


def due_at(
    rules: tuple[SlaRule, ...], impact: Impact, currency: str, difference: int, since: datetime
) -> datetime | None:
    """When the strictest rule that is meant runs out; None where none is."""
    meant = [rule.within for rule in rules if _is_meant(rule, impact, currency, difference)]
    return since + min(meant) if meant else None


def _is_meant(rule: SlaRule, impact: Impact, currency: str, difference: int) -> bool:
    if rule.impact is not impact:
        return False
    return not rule.over or (currency in rule.over and abs(difference) >= rule.over[currency])


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffLimits:
    """Write-off limits. Where none are set there are none; else who has no role may nothing.

    Attributes:
        roles: user → role.
        most: role → currency → minor units.
    """

    roles: Mapping[str, str] = field(default_factory=lambda: _NOBODY)
    most: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: _NOTHING)

    def role_of(self, user: str) -> str | None:
        """A user's role."""
        return self.roles.get(user)

    def check(self, user: str, minor: int, currency: str) -> None:
        """Make sure that a user may move or write off an amount, either way.

        Raises:
            LifeRefused: it is beyond their limit; names the role, the limit and the amount.
        """
        if not self.most:
            return
        role = self.role_of(user)
        most = self.most.get(role or "", {}).get(currency, 0)
        if abs(minor) > most:
            who = f"{user}, {role}" if role else f"{user}, without a role"
            raise ActionRefused(
                f"{who}: at most {Money(most, currency).text()} {currency}, and it is about"
                f" {Money(abs(minor), currency).text()}"
            )


NO_LIMITS = WriteOffLimits()
