"""Maturity is declared, or learned from enough arrival delays, and names its source."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.arrival_delay import MaturityRules, MaturitySource, learned_age, provider_maturity
from feeds.gaps import gaps_between, missing_days, missing_numbers
from tests.harness.providers.feed_api import NOON
from vocabulary.maturity import RecordKind
from vocabulary.window import Window

MINUTE = timedelta(minutes=1)
RULES = MaturityRules(
    declared=15 * MINUTE,
    learns=True,
    per_mille=900,
    samples_min=10,
    floor=MINUTE,
    ceiling=60 * MINUTE,
)


@pytest.mark.parametrize(
    ("delays_s", "age"),
    [
        ([600] * 10, 10 * MINUTE),
        ([120] * 9 + [600], 2 * MINUTE),
        ([120] * 8 + [600] * 2, 10 * MINUTE),
        ([1] * 10, MINUTE),
        ([100_000] * 10, 60 * MINUTE),
        ([600] * 9, None),
        ([], None),
    ],
    ids=["all alike", "one straggler", "two", "floor", "ceiling", "too few", "none"],
)
def test_the_learned_age_is_the_one_by_which_nine_of_ten_had_arrived(
    delays_s: list[int], age: timedelta | None
) -> None:
    assert learned_age(delays_s, RULES) == age


@given(st.lists(st.integers(0, 10_000), min_size=10), st.randoms(use_true_random=False))
def test_at_least_the_stated_share_had_arrived_in_whatever_order(
    delays_s: list[int], randomness: Random
) -> None:
    age = learned_age(delays_s, RULES)

    assert age is not None
    arrived = [delay_s for delay_s in delays_s if timedelta(seconds=delay_s) <= age]
    assert age == RULES.ceiling or len(arrived) * 1_000 >= RULES.per_mille * len(delays_s)
    randomness.shuffle(delays_s)
    assert learned_age(delays_s, RULES) == age


def test_each_kind_has_its_own_age_and_names_its_source() -> None:
    maturity = provider_maturity({RecordKind.BET: [120] * 10, RecordKind.WIN: [600] * 3}, RULES)

    bet, win = maturity.by_kind[RecordKind.BET], maturity.by_kind[RecordKind.WIN]
    assert (bet.age, bet.source, bet.samples) == (2 * MINUTE, MaturitySource.LEARNED, 10)
    assert (win.age, win.source, win.samples) == (15 * MINUTE, MaturitySource.DECLARED, 3)
    assert maturity.ages.longest == 15 * MINUTE
    assert maturity.to_json()["bet"] == {
        "age_s": 120,
        "source": "learned",
        "per_mille": 900,
        "samples": 10,
    }


def test_an_age_declared_for_one_kind_holds_for_that_kind_alone() -> None:
    rules = MaturityRules(declared=15 * MINUTE, declared_by_kind={RecordKind.WIN: 60 * MINUTE})

    maturity = provider_maturity({RecordKind.WIN: [1] * 1_000}, rules)

    assert (maturity.of(RecordKind.WIN), maturity.of(RecordKind.BET)) == (
        60 * MINUTE,
        15 * MINUTE,
    )


def test_missing_days_and_numbers_are_between_the_first_and_the_last() -> None:
    days = [(NOON + n * timedelta(days=1)).date() for n in (0, 1, 4)]
    assert [day.day - days[0].day for day in missing_days(days)] == [2, 3]
    assert missing_days([]) == []
    assert missing_numbers([9, 3, 4, 4, 7]) == [(5, 6), (8, 8)]


def test_a_gap_is_time_that_no_window_covers() -> None:
    def window(start: int, end: int) -> Window:
        return Window(start=NOON + start * MINUTE, end=NOON + end * MINUTE)

    windows = [window(8, 9), window(0, 6), window(1, 2), window(6, 7)]
    assert gaps_between(windows) == [window(7, 8)]
    assert gaps_between([]) == []
