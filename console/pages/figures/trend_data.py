"""What the charts of trends are drawn from, read once for a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from breaks.flow import break_flow
from breaks.kinds import Impact
from breaks.overview import open_sums
from breaks.policy import AGES
from console.config import ProviderTerms, Visit
from console.pages.figures.span import (
    Coverage,
    DaySpan,
    TooMuch,
    coverage_of,
    one_instant,
    sums_of,
)
from feeds.daily_delay import daily_delays
from reconcile.totals.resolution_days import resolution_days
from reports.grouped_totals import GroupBy, TotalsGroup, grouped
from vocabulary.money import exponent_of

#: The horizon of the chart of what is explained.
WITHIN = timedelta(hours=24)
#: Longest time, in milliseconds, of a statement that reads every row of the days.
ROWS_TIMEOUT_MS = 3_000
_T = TypeVar("_T")
#: Values by provider and day.
ByDay = Mapping[str, Mapping[date, _T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAge:
    """Open money of one age in one currency: both amounts are not negative, in minor units."""

    age: str
    breaks: int
    we_owe: int
    they_owe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendData:
    """The figures of all charts, in one currency.

    Attributes:
        currency: of every amount; ``digits`` are its decimal places here.
        sums: by provider and day.
        flow: (opened, resolved); ``rates``: (resolved, due) within ``WITHIN``; ``delays``: in
            seconds. None: the database takes too long for a page.
    """

    span: DaySpan
    at: datetime
    currency: str
    digits: int
    currencies: tuple[str, ...]
    coverage: tuple[Coverage, ...]
    foot: tuple[TotalsGroup, ...]
    sums: ByDay[TotalsGroup]
    flow: ByDay[tuple[int, int]]
    ages: tuple[OpenAge, ...]
    rates: ByDay[tuple[int, int]] | None
    delays: ByDay[int] | None

    @property
    def providers(self) -> list[str]:
        """The providers of the span, in the order of the settings."""
        return [term.slug for term in self.span.terms]


def read_trends(visit: Visit, span: DaySpan, currency: str | None) -> TrendData:
    """Read the figures of a span; without a currency, of the one with the largest stakes."""
    with one_instant(visit.console.readers) as connection:
        sums = sums_of(connection, span, by_game=False)
        coverage = coverage_of(connection, span, visit.now)
        flow = _by_day(span, lambda term: _flow(connection, term, span))
        groups = grouped(sums, (GroupBy.PROVIDER, GroupBy.DAY), None)
        foot = grouped(sums, (), None)
        code = currency or _largest(foot) or "EUR"
        ages = _ages(connection, visit, span, code)
    return TrendData(
        span=span,
        at=visit.now,
        currency=code,
        digits=_digits(span, code),
        currencies=tuple(sorted({group.currency for group in foot} | {code})),
        coverage=coverage,
        foot=tuple(group for group in foot if group.currency == code),
        sums=_groups_by_day(groups, code),
        flow=flow,
        ages=ages,
        rates=_unless_slow(visit, span, _rates),
        delays=_unless_slow(visit, span, _delays),
    )


def _flow(
    connection: Connection, term: ProviderTerms, span: DaySpan
) -> dict[date, tuple[int, int]]:
    return {
        day.day: (day.opened, day.resolved)
        for day in break_flow(connection, term.slug, span.window(term), term.zone)
    }


def _rates(
    connection: Connection, visit: Visit, term: ProviderTerms, span: DaySpan
) -> dict[date, tuple[int, int]]:
    days = resolution_days(
        connection,
        term.slug,
        span.window(term),
        now=visit.now,
        zone=term.zone,
        within=WITHIN,
    )
    return {day.day: (day.resolved, day.due) for day in days}


def _delays(
    connection: Connection, _visit: Visit, term: ProviderTerms, span: DaySpan
) -> dict[date, int]:
    days = daily_delays(connection, term.slug, span.window(term), term.zone)
    return {day.day: day.delay_s for day in days}


def _unless_slow(
    visit: Visit,
    span: DaySpan,
    read: Callable[[Connection, Visit, ProviderTerms, DaySpan], Mapping[date, _T]],
) -> ByDay[_T] | None:
    """Read every row of the days; None if that takes longer than a page may."""
    try:
        with one_instant(visit.console.readers, timeout_ms=ROWS_TIMEOUT_MS) as connection:
            return _by_day(span, lambda term: read(connection, visit, term, span))
    except TooMuch:
        return None


def _by_day(span: DaySpan, read: Callable[[ProviderTerms], Mapping[date, _T]]) -> ByDay[_T]:
    return {term.slug: read(term) for term in span.terms}


def _ages(
    connection: Connection, visit: Visit, span: DaySpan, currency: str
) -> tuple[OpenAge, ...]:
    terms = {term.slug: term for term in span.terms}
    digits = _digits(span, currency)
    sums = {age: [0, 0, 0] for age in AGES}
    for part in open_sums(connection, now=visit.now):
        if part.currency == currency and part.provider in terms:
            own = exponent_of(currency, terms[part.provider].exponents)
            total = sums[part.age]
            total[0] += part.breaks
            if part.impact is not Impact.NONE:
                side = 1 if part.impact is Impact.PLAYER_OWED else 2
                total[side] += part.amount * 10 ** (digits - own)
    return tuple(
        OpenAge(age=age, breaks=total[0], we_owe=total[1], they_owe=total[2])
        for age, total in sums.items()
    )


def _digits(span: DaySpan, currency: str) -> int:
    """Decimal places that fit the amounts of every provider."""
    return max((exponent_of(currency, term.exponents) for term in span.terms), default=2)


def _largest(foot: list[TotalsGroup]) -> str | None:
    if not foot:
        return None
    return max(foot, key=lambda group: max(group.ours.stake, group.theirs.stake)).currency


def _groups_by_day(groups: list[TotalsGroup], currency: str) -> ByDay[TotalsGroup]:
    by_day: dict[str, dict[date, TotalsGroup]] = {}
    for group in groups:
        if group.currency == currency:
            provider, day = group.name
            by_day.setdefault(provider, {})[date.fromisoformat(day)] = group
    return by_day
