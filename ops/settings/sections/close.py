"""Settings of business days: who signs them, and where the daily sweep finds files."""

from collections.abc import Mapping

from pydantic import Field, ValidationInfo, field_validator

from ops.settings.sections.breaks import Amounts, checked_amounts
from ops.settings.values import Section, WrongParts


class CloseSettings(Section):
    """How days are prepared and signed.

    Attributes:
        two_people: whether a second person signs what the first one prepared.
        accepts: by currency, the open money of a day, gross, that needs no reason.
        inbox: the folder whose subfolders, named by provider, `tieout day run` imports; empty:
            none.
    """

    two_people: bool = True
    accepts: Amounts = Field(default_factory=dict)
    inbox: str = ""

    @field_validator("accepts")
    @classmethod
    def _amounts(cls, accepts: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if wrong := checked_amounts(accepts, info):
            raise WrongParts(wrong)
        return accepts
