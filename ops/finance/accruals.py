"""The fees that providers earn in whole months, by our books and the terms of the settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from ops.finance.comparison import comparison_over, totals_of
from ops.settings.fee_conversion import fee_terms
from ops.settings.model import ProviderSettings
from reconcile.invoices.check import fee_due
from vocabulary.clock import Clock
from vocabulary.window import Window, day_window, last_of_month


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeAccrual:
    """What a provider earned in a month.

    Attributes:
        month_end: the last day of the month.
        minor: the fee, minor units of ``currency``.
        ggr: the GGR that it was computed from, by currency, before anything is excluded.
    """

    provider: str
    month_end: date
    currency: str
    minor: int
    ggr: Mapping[str, int]

    @property
    def first(self) -> date:
        """The first day of the month."""
        return self.month_end.replace(day=1)


def fee_accruals(
    url: str, entry: ProviderSettings, first: date, last: date, clock: Clock
) -> list[FeeAccrual]:
    """The fees of all whole months from ``first`` to ``last``; none without terms.

    Raises:
        TermsIncomplete: a currency that was played has no rate.
        Unavailable: the database cannot be reached.
    """
    if entry.terms is None:
        return []
    return [_accrual(url, entry, end, clock) for end in _month_ends(first, last)]


def _month_ends(first: date, last: date) -> Iterator[date]:
    """The last days of the whole months of a period."""
    day = first if first.day == 1 else last_of_month(first) + timedelta(days=1)
    while (end := last_of_month(day)) <= last:
        yield end
        day = end + timedelta(days=1)


def _accrual(url: str, entry: ProviderSettings, month_end: date, clock: Clock) -> FeeAccrual:
    assert entry.terms is not None
    zone = ZoneInfo(entry.timezone)
    window = Window(
        start=day_window(month_end.replace(day=1), zone).start,
        end=day_window(month_end, zone).end,
    )
    comparison = comparison_over(url, entry, window, clock)
    month = totals_of(comparison, clock)
    terms = fee_terms(entry.terms, entry.exponents)
    return FeeAccrual(
        provider=entry.slug,
        month_end=month_end,
        currency=terms.currency,
        minor=fee_due(month, terms, comparison.configured.provider.exponents).total,
        ggr={row.currency: row.ours.ggr for row in month.by()},
    )
