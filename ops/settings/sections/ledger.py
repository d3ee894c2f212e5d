"""Settings of the ledger's own operations."""

from collections.abc import Mapping

from pydantic import Field, ValidationInfo, field_validator

from ops.settings.sections.breaks import Amounts, checked_amounts
from ops.settings.values import Section, WrongParts


class LedgerSettings(Section):
    """What takes one person, and what two.

    Attributes:
        one_person: by currency, the largest deposit or withdrawal that takes one person, a
            decimal string; 1000 of a currency that is not listed.
        restores_take_two: another person than the one who began a restore finishes it.
    """

    one_person: Amounts = Field(default_factory=dict)
    restores_take_two: bool = True

    @field_validator("one_person")
    @classmethod
    def _amounts(cls, amounts: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if wrong := checked_amounts(amounts, info):
            raise WrongParts(wrong)
        return amounts
