"""The fingerprint decides between repeat and conflict, so every field must count."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import fields, replace

from vocabulary.facts import Bet, BetAndWin, Operation, Rollback, RoundEnd, Win, fingerprint
from vocabulary.money import Money

EUR_5 = Money(500, "EUR")
AT = datetime(2025, 3, 1, tzinfo=UTC)

ROLLBACK = Rollback(
    key="k",
    handle="p",
    original_key="o",
    currency="EUR",
    amount=EUR_5,
    round_id="r",
    occurred_at=AT,
)
FACTS: list[Operation] = [
    Bet(key="k", handle="p", amount=EUR_5, round_id="r", occurred_at=AT),
    Win(
        key="k",
        handle="p",
        amount=EUR_5,
        round_id="r",
        bet_key="b",
        stake=EUR_5,
        occurred_at=AT,
    ),
    BetAndWin(key="k", handle="p", bet=EUR_5, win=EUR_5, round_id="r", occurred_at=AT),
    ROLLBACK,
    RoundEnd(
        key="k",
        handle="p",
        round_id="r",
        bet_key="b",
        stake=EUR_5,
        payout=EUR_5,
        occurred_at=AT,
    ),
]

#: Every field of every fact, except the provider's time stamp and a round end's implied facts,
#: which follow from its other fields.
FIELDS = [
    (fact, field.name)
    for fact in FACTS
    for field in fields(fact)
    if field.name not in {"occurred_at", "implied"}
]


def others(value: Any) -> list[Any]:
    """Values that differ from this one in one respect."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, Money):
        return [Money(value.minor + 1, value.currency), Money(value.minor, "USD")]
    return [f"{value}x", value.swapcase()]


@pytest.mark.parametrize(("fact", "field"), FIELDS)
def test_every_field_changes_the_fingerprint(fact: Operation, field: str) -> None:
    for other in others(getattr(fact, field)):
        changed: Operation = replace(fact, **{field: other})

        assert changed != fact
        assert fingerprint(changed) != fingerprint(fact)


@pytest.mark.parametrize("fact", FACTS)
def test_a_retry_with_a_new_timestamp_is_the_same_fact(fact: Operation) -> None:
    later = datetime(2025, 3, 1, 0, 0, 9, tzinfo=UTC)

    assert fingerprint(replace(fact, occurred_at=later)) == fingerprint(fact)
    assert fingerprint(replace(fact, occurred_at=None)) == fingerprint(fact)


def test_facts_of_different_kinds_never_share_a_fingerprint() -> None:
    assert len({fingerprint(fact) for fact in FACTS}) == len(FACTS)


def test_a_field_cannot_imitate_a_boundary_between_two() -> None:
    first = Bet(key="k", handle="p", amount=EUR_5, round_id="a\x1fb", occurred_at=None)
    second = Bet(
        key="k", handle="p\x1f500\x1fEUR\x1fa", amount=EUR_5, round_id="b", occurred_at=None
    )

    assert fingerprint(first) != fingerprint(second)


def test_a_missing_amount_is_not_a_zero_amount() -> None:
    unknown = replace(ROLLBACK, amount=None)

    assert fingerprint(unknown) != fingerprint(replace(ROLLBACK, amount=Money(0, "EUR")))


def test_a_fingerprint_never_changes_between_versions() -> None:
    """It is stored with every operation: a change would turn repeats into conflicts."""
    assert fingerprint(FACTS[0]).hex() == "ff89cd5fc06b1bf2ca63919e914c53a3"
