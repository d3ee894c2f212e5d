"""Settings of breaks: write-off limits, time limits, and inquiries at providers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from breaks.kinds import BreakKind
from ops.settings.values import (
    Attempts,
    CurrencyCode,
    Section,
    Timeout,
    WrongParts,
    named_exponents,
)
from vocabulary.currencies import outside_iso
from vocabulary.errors import Malformed
from vocabulary.money import Money

#: Amounts by currency, as decimal strings.
Amounts = Mapping[CurrencyCode, str]


def checked_amounts(amounts: Amounts, info: ValidationInfo) -> list[tuple[str, str]]:
    """What is wrong with decimal strings, by currency; the codes themselves are known."""
    exponents = outside_iso(named_exponents(info))
    wrong = []
    for code, text in amounts.items():
        try:
            positive = Money.parse(text, code, exponents=exponents).minor >= 0
        except Malformed as error:
            wrong.append((code, error.reason.removesuffix(" is expected")))
        else:
            wrong += [] if positive else [(code, "an amount that is not negative")]
    return wrong


class SlaSettings(Section):
    """The time within which breaks of an impact are resolved.

    Attributes:
        over: from which amounts on, decimal strings by currency; none: any.
    """

    impact: Literal["player_owed", "operator_owed", "none"]
    within: Timeout
    over: Amounts = Field(default_factory=dict)

    @field_validator("over")
    @classmethod
    def _amounts(cls, over: Amounts, info: ValidationInfo) -> Amounts:
        if wrong := checked_amounts(over, info):
            raise WrongParts(wrong)
        return over


class BreaksSettings(Section):
    """Limits, time limits and inquiries for breaks.

    Attributes:
        roles: user → role; without any role there are no limits, only the four eyes.
        limits: role → currency → the most a person may approve or write off, a decimal string.
        sla: replaces the built-in rules: player_owed 24h, operator_owed 72h, none 7d.
        ask: kinds of breaks about which the provider is asked after a run, if it has a call.
        ask_every: shortest time between two questions to one provider.
        ask_attempts: most attempts at one question.
        answer_lasts: how long an answer is reused.
        page_hosts: hosts whose pages are captured if a provider links to them.
    """

    roles: Mapping[str, str] = Field(default_factory=dict)
    limits: Mapping[str, Amounts] = Field(default_factory=dict)
    sla: tuple[SlaSettings, ...] = ()
    ask: tuple[BreakKind, ...] = ()
    ask_every: Timeout = timedelta(seconds=1)
    ask_attempts: Attempts = 5
    answer_lasts: Timeout = timedelta(days=1)
    page_hosts: tuple[str, ...] = ()

    @field_validator("limits")
    @classmethod
    def _amounts(
        cls, limits: Mapping[str, Amounts], info: ValidationInfo
    ) -> Mapping[str, Amounts]:
        wrong = [
            (f"{role}.{code}", expected)
            for role, amounts in limits.items()
            for code, expected in checked_amounts(amounts, info)
        ]
        if wrong:
            raise WrongParts(wrong)
        return limits

    @model_validator(mode="after")
    def _roles_have_limits(self) -> Self:
        unknown = sorted(set(self.roles.values()) - set(self.limits))
        if unknown:
            expected = "a limit, for the role is given to somebody"
            raise WrongParts([(f"limits.{role}", expected) for role in unknown])
        return self
