"""The settings of breaks as ``breaks.policy`` takes them."""

from collections.abc import Mapping

from breaks.kinds import Impact
from breaks.policy import DEFAULT_RULES, SlaRule, WriteOffLimits
from ops.settings.breaks import Amounts
from ops.settings.model import Settings
from vocabulary.money import Money


def limits_of(settings: Settings) -> WriteOffLimits:
    """Who may approve and write off how much."""
    given = settings.breaks
    most = {role: _minor(amounts) for role, amounts in given.limits.items()}
    return WriteOffLimits(roles=given.roles, by_role=most)


def rules_of(settings: Settings) -> tuple[SlaRule, ...]:
    """By when breaks are dealt with."""
    given = tuple(
        SlaRule(impact=Impact(rule.impact), within=rule.within, min_amount=_minor(rule.over))
        for rule in settings.breaks.sla
    )
    return given or DEFAULT_RULES


def exponents_of(settings: Settings, provider: str) -> Mapping[str, int]:
    """The digits in which a provider writes, where they are its own."""
    found = [entry.exponents for entry in settings.providers if entry.slug == provider]
    return found[0] if found else {}


def _minor(amounts: Amounts) -> dict[str, int]:
    return {code: Money.parse(text, code).minor for code, text in amounts.items()}
