"""The settings that limit what one person may do alone, as one document.

Only what a second person confirmed is in force; see ``storage.limit_versions``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from breaks.policy import WriteOffLimits
from ops.settings.model import Settings
from reconcile.days.states import StepRules
from vocabulary.currencies import Exponents
from vocabulary.money import Money
from vocabulary.people import normalized_name

#: The most that one person moves in a currency that the settings do not list, in its units.
ONE_PERSON_UNITS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalLimits:
    """What one person may do alone.

    Attributes:
        write_offs: who approves and writes off how much.
        one_person: by currency, the largest deposit or withdrawal, a decimal string.
        days: whether a day takes two people, and which open money needs no reason.
        exponents: of currencies outside ISO 4217, as the settings name them.
    """

    write_offs: WriteOffLimits
    one_person: Mapping[str, str]
    days: StepRules
    exponents: Exponents

    def funds_limit(self, currency: str) -> int:
        """The largest deposit or withdrawal that takes one person, in minor units."""
        amount = self.one_person.get(currency, str(ONE_PERSON_UNITS))
        return Money.parse(amount, currency, exponents=self.exponents).minor


def limits_document(settings: Settings) -> dict[str, Any]:
    """The limits of the settings, as JSON."""
    breaks = settings.breaks
    return {
        "roles": {normalized_name(name): role for name, role in breaks.roles.items()},
        "limits": {role: dict(amounts) for role, amounts in breaks.limits.items()},
        "one_person": dict(settings.ledger.one_person),
        "two_people": settings.close.two_people,
        "accepts": dict(settings.close.accepts),
    }


def limits_of_document(document: Mapping[str, Any], exponents: Exponents) -> PersonalLimits:
    """The limits that a document holds.

    Args:
        document: as ``limits_document`` writes it.
        exponents: of currencies outside ISO 4217, as the settings name them.

    Raises:
        CurrencyUnknown: a limit is in a currency whose digits nobody names.
    """
    by_role = {role: _minor(amounts, exponents) for role, amounts in document["limits"].items()}
    return PersonalLimits(
        exponents=exponents,
        write_offs=WriteOffLimits(
            roles=document["roles"], by_role=by_role, exponents=exponents
        ),
        one_person=document["one_person"],
        days=StepRules(
            two_people=document["two_people"],
            accepts=tuple(_minor(document["accepts"], exponents).items()),
        ),
    )


def _minor(amounts: Mapping[str, str], exponents: Exponents) -> dict[str, int]:
    return {
        code: Money.parse(text, code, exponents=exponents).minor
        for code, text in amounts.items()
    }
