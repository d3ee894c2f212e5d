"""A sum in the reporting currency is a figure only where something was converted."""

from datetime import date
from decimal import Decimal

import pytest

from reconcile.totals.cells import DayGgr
from reports.conversion import consolidated, consolidation_json, sum_text
from reports.rates import Rate, ReportingRates

DAY = date(2026, 6, 4)
RATES = ReportingRates(
    currency="EUR", digits=2, by_day={(DAY, "USD"): Rate(value=Decimal("0.5"), source="ECB")}
)
SUM = "GGR in EUR: ours 1.00, theirs 2.00, difference 1.00"


@pytest.mark.parametrize(
    ("currencies", "expected"),
    [
        (["USD"], SUM),
        (["USD", "JPY"], f"{SUM}, without what has no rate"),
        (["JPY"], "GGR in EUR: no figure, because no day has a rate"),
        ([], "GGR in EUR: ours 0.00, theirs 0.00, difference 0.00"),
    ],
)
def test_a_missing_rate_is_no_zero(currencies: list[str], expected: str) -> None:
    ggr = [DayGgr(day=DAY, currency=currency, ours=200, theirs=400) for currency in currencies]

    assert sum_text(consolidated(ggr, RATES, {})) == expected


def test_sums_without_any_rate_are_not_known_to_programs() -> None:
    ggr = DayGgr(day=DAY, currency="JPY", ours=200, theirs=400)

    document = consolidation_json(consolidated([ggr], RATES, {}), {})

    assert document["ggr"] == {"ours": None, "theirs": None, "difference": None}
    assert document["missing"] == [{"day": "2026-06-04", "currency": "JPY"}]
