"""Resolution rates as JSON, with amounts as decimal text."""

from collections.abc import Mapping
from typing import Any

from reconcile.totals.resolution_rate import ResolutionRate, ResolutionRates, percent
from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor


def resolution_rates_json(
    rates: ResolutionRates, exponents: Mapping[str, int]
) -> dict[str, Any]:
    """Return one provider as ``tieout explained --json`` prints it."""
    return {
        "provider": rates.provider,
        "window": {"from": iso(rates.window.start), "to": iso(rates.window.end)},
        "at": iso(rates.at),
        "rows": rates.rows,
        "open": rates.open,
        "within": {rate.horizon: _rate_json(rate, exponents) for rate in rates.rates},
    }


def _rate_json(rate: ResolutionRate, exponents: Mapping[str, int]) -> dict[str, Any]:
    money = {
        code: {
            "due": text_from_minor(due, digits_of(code, exponents)),
            "explained": text_from_minor(resolved, digits_of(code, exponents)),
            "percent": percent(resolved, due),
        }
        for code, (resolved, due) in rate.money.items()
    }
    return {
        "due": rate.due,
        "explained": rate.resolved,
        "percent": percent(rate.resolved, rate.due),
        "money": money,
    }
