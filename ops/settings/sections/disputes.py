"""Settings of disputes with a provider."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, field_validator

from breaks.disputes.model import ANSWER_COLUMNS, AnswerKind
from ops.settings.values import Section, Timeout, WrongParts


class DisputeSettings(Section):
    """How a provider answers disputes.

    Attributes:
        answer_within: how long it has to answer, from the first pack on.
        columns: the template's name of a column to the provider's, in its own answer files.
        answers: its words for answers to ours.
    """

    answer_within: Timeout = timedelta(days=30)
    columns: Mapping[str, str] = Field(default_factory=dict)
    answers: Mapping[str, AnswerKind] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _columns_of_the_template(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        names = [columns.get(name, name) for name in ANSWER_COLUMNS]
        wrong = []
        for name, column in columns.items():
            if name not in ANSWER_COLUMNS:
                wrong.append((name, f"a column of the template ({', '.join(ANSWER_COLUMNS)})"))
            elif not column.strip() or names.count(column) > 1:
                wrong.append((name, "a column that no other one is read from"))
        if wrong:
            raise WrongParts(wrong)
        return columns
