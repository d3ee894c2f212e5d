"""Totals of several providers: added up in one unit, converted once, held in percent."""

from datetime import date
from decimal import Decimal

import pytest

from reconcile.totals.cells import Figures, TotalsCell
from reconcile.totals.sides import SideSums
from reports.grouped_totals import GroupBy, ProviderSums, grouped, hold_text, in_all
from reports.rates import Rate, ReportingRates

FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)
RATES = ReportingRates(
    currency="EUR", digits=2, by_day={(FIRST, "USD"): Rate(value=Decimal("0.9"), source="ECB")}
)


def sums(day: date, game: str, ours: int, theirs: int, *, currency: str = "USD") -> SideSums:
    return SideSums(
        cell=TotalsCell(day, game, currency),
        ours=Figures(rounds=1, stake=ours),
        theirs=Figures(rounds=1, stake=theirs),
        in_breaks=theirs - ours,
        open_breaks=int(theirs != ours),
    )


CENTS = ProviderSums(
    provider="cents",
    exponents={},
    cells=[
        sums(FIRST, "dice", 1_000, 1_100),
        sums(FIRST, "plinko", 500, 500),
        sums(SECOND, "dice", 70, 70),
    ],
)
#: Its minor unit is a hundred-thousandth of a dollar.
TINY = ProviderSums(
    provider="tiny", exponents={"USD": 5}, cells=[sums(FIRST, "dice", 1_000, 1_001)]
)


def test_amounts_of_several_units_are_added_up_in_the_smallest() -> None:
    (group,) = grouped([CENTS, TINY], (), None)

    assert (group.digits, group.ours.stake, group.theirs.stake) == (
        5,
        1_570_000 + 1_000,
        1_670_000 + 1_001,
    )
    assert (group.difference, group.in_breaks, group.unexplained) == (100_001, 100_001, 0)
    assert (group.ours.rounds, group.open_breaks) == (4, 2)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ((GroupBy.DAY,), [("2026-06-01",), ("2026-06-02",)]),
        ((GroupBy.MONTH,), [("2026-06",)]),
        ((GroupBy.PROVIDER,), [("cents",), ("tiny",)]),
        ((GroupBy.GAME,), [("dice",), ("plinko",)]),
        ((GroupBy.CURRENCY,), [()]),
        (
            (GroupBy.PROVIDER, GroupBy.DAY),
            [("cents", "2026-06-01"), ("cents", "2026-06-02"), ("tiny", "2026-06-01")],
        ),
    ],
)
def test_groups_add_up_to_the_whole_whatever_they_are_grouped_by(
    by: tuple[GroupBy, ...], names: list[tuple[str, ...]]
) -> None:
    groups = grouped([CENTS, TINY], by, None)
    (whole,) = grouped([CENTS, TINY], (), None)

    assert [group.name for group in groups] == names
    assert sum((group.ours for group in groups), Figures()) == whole.ours
    assert sum((group.theirs for group in groups), Figures()) == whole.theirs


def test_each_day_is_converted_once_by_its_own_rate_and_a_missing_one_is_named() -> None:
    by_day = grouped([CENTS], (GroupBy.DAY,), RATES)
    (whole,) = grouped([CENTS], (), RATES)
    first, second = (group.converted for group in by_day)

    assert first is not None
    assert second is not None
    assert (first.ours, first.theirs, first.sources) == (1_350, 1_440, frozenset({"ECB"}))
    assert (second.ours, second.missing) == (0, frozenset({(SECOND, "USD")}))
    assert whole.converted == first + second


@pytest.mark.parametrize("by", [GroupBy.DAY, GroupBy.MONTH, GroupBy.PROVIDER])
def test_groups_add_up_to_what_is_added_up_at_once(by: GroupBy) -> None:
    euros = ProviderSums(
        provider="euros", exponents={}, cells=[sums(FIRST, "dice", 7, 9, currency="EUR")]
    )
    providers = [CENTS, TINY, euros]

    assert in_all(grouped(providers, (by,), RATES)) == grouped(providers, (), RATES)


def test_a_sum_is_known_once_a_day_of_it_was_converted() -> None:
    euros, unknown = (
        ProviderSums(
            provider=code, exponents={}, cells=[sums(SECOND, "dice", 0, 0, currency=code)]
        )
        for code in ("EUR", "USD")
    )
    known, missing = (
        group.converted for group in grouped([euros, unknown], (GroupBy.CURRENCY,), RATES)
    )

    assert known is not None
    assert missing is not None
    assert (known.is_unknown, missing.is_unknown) == (False, True)
    assert not (known + missing).is_unknown


def test_games_are_not_converted() -> None:
    assert all(group.converted is None for group in grouped([CENTS], (GroupBy.GAME,), RATES))


@pytest.mark.parametrize(
    ("stake", "payout", "hold"),
    [
        (10_000, 9_500, "5.00"),
        (300, 200, "33.33"),
        (300, 100, "66.67"),
        (80_000, 79_999, "0.00"),
        (80_000, 79_988, "0.02"),
        (100, 250, "-150.00"),
        (0, 50, None),
    ],
)
def test_hold_is_ggr_in_percent_of_the_stake(stake: int, payout: int, hold: str | None) -> None:
    assert hold_text(Figures(stake=stake, payout=payout)) == hold
