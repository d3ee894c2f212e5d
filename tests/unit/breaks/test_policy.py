"""Ages have names, the strictest rule sets the due date, and limits hold per role."""

from datetime import UTC, datetime, timedelta

import pytest

from breaks.kinds import Impact
from breaks.policy import (
    AGES,
    DEFAULT_RULES,
    NO_LIMITS,
    SlaRule,
    WriteOffLimits,
    age_bucket,
    due_at,
)
from breaks.states import ActionRefused

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BIG = SlaRule(impact=Impact.PLAYER_OWED, within=4 * HOUR, min_amount={"EUR": 10_000})


@pytest.mark.parametrize(
    ("age", "name"),
    [
        (timedelta(0), "under 1 day"),
        (timedelta(days=1) - timedelta(microseconds=1), "under 1 day"),
        (timedelta(days=1), "1 to 3 days"),
        (timedelta(days=3), "3 to 7 days"),
        (timedelta(days=29), "7 to 30 days"),
        (timedelta(days=30), "over 30 days"),
        (timedelta(days=4000), "over 30 days"),
    ],
)
def test_an_age_has_one_name(age: timedelta, name: str) -> None:
    assert age_bucket(age) == name


def test_ages_are_listed_from_the_youngest_to_the_oldest() -> None:
    assert list(AGES.values()) == sorted(AGES.values())


def test_a_break_that_owes_the_player_is_due_first() -> None:
    player, operator = (
        due_at(DEFAULT_RULES, impact, "EUR", 1, NOON)
        for impact in (Impact.PLAYER_OWED, Impact.OPERATOR_OWED)
    )
    assert player is not None
    assert operator is not None
    assert player < operator


@pytest.mark.parametrize(
    ("currency", "difference", "hours"),
    [("EUR", 9_999, 24), ("EUR", 10_000, 4), ("EUR", -10_000, 4), ("JPY", 10_000, 24)],
)
def test_a_large_amount_is_due_sooner(currency: str, difference: int, hours: int) -> None:
    rules = (*DEFAULT_RULES, BIG)
    due = due_at(rules, Impact.PLAYER_OWED, currency, difference, NOON)
    assert due == NOON + hours * HOUR


def test_a_break_without_a_rule_is_never_due() -> None:
    assert due_at((BIG,), Impact.OPERATOR_OWED, "EUR", 99_999, NOON) is None


def test_a_limit_holds_for_either_sign_per_currency_and_for_users_without_a_role() -> None:
    limits = WriteOffLimits(roles={"maria": "agent"}, by_role={"agent": {"EUR": 500}})
    limits.check("maria", -500, "EUR")
    NO_LIMITS.check("anybody", 10**15, "EUR")

    for user, minor, currency in (
        ("maria", 501, "EUR"),
        ("maria", 1, "USD"),
        ("eve", 1, "EUR"),
    ):
        with pytest.raises(ActionRefused, match=f"at most .* {currency}"):
            limits.check(user, minor, currency)
