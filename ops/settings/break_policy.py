"""The settings of breaks as values of ``breaks.policy``."""

from collections.abc import Mapping

from breaks.kinds import Impact
from breaks.policy import DEFAULT_RULES, SlaRule, WriteOffLimits
from ops.settings.breaks import Amounts
from ops.settings.model import Settings
from vocabulary.money import Money
from vocabulary.people import normalized_name


def limits_of(settings: Settings) -> WriteOffLimits:
    """Who may approve and write off how much.

    Raises:
        Malformed: a name in the settings cannot be a person's.
    """
    breaks = settings.breaks
    most = {role: _minor(amounts) for role, amounts in breaks.limits.items()}
    roles = {normalized_name(name): role for name, role in breaks.roles.items()}
    return WriteOffLimits(roles=roles, by_role=most)


def rules_of(settings: Settings) -> tuple[SlaRule, ...]:
    """The time limits for breaks."""
    rules = tuple(
        SlaRule(impact=Impact(rule.impact), within=rule.within, min_amount=_minor(rule.over))
        for rule in settings.breaks.sla
    )
    return rules or DEFAULT_RULES


def exponents_of(settings: Settings, provider: str) -> Mapping[str, int]:
    """A provider's own exponents by currency."""
    exponents = [entry.exponents for entry in settings.providers if entry.slug == provider]
    return exponents[0] if exponents else {}


def _minor(amounts: Amounts) -> dict[str, int]:
    return {code: Money.parse(text, code).minor for code, text in amounts.items()}
