"""The settings of breaks as values of ``breaks.policy``."""

from collections.abc import Mapping

from breaks.kinds import Impact
from breaks.policy import DEFAULT_RULES, SlaRule
from ops.settings.model import Settings
from ops.settings.sections.breaks import Amounts
from vocabulary.currencies import Exponents
from vocabulary.money import Money


def rules_of(settings: Settings) -> tuple[SlaRule, ...]:
    """The time limits for breaks."""
    rules = tuple(
        SlaRule(
            impact=Impact(rule.impact),
            within=rule.within,
            min_amount=_minor(rule.over, settings.exponents),
        )
        for rule in settings.breaks.sla
    )
    return rules or DEFAULT_RULES


def exponents_of(settings: Settings, provider: str) -> Mapping[str, int]:
    """A provider's own exponents by currency; for what is no provider's, those of all."""
    exponents = [entry.exponents for entry in settings.providers if entry.slug == provider]
    return exponents[0] if exponents else settings.exponents


def _minor(amounts: Amounts, exponents: Exponents) -> dict[str, int]:
    return {
        code: Money.parse(text, code, exponents=exponents).minor
        for code, text in amounts.items()
    }
