"""What the charts of trends are drawn from, read once for a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from breaks.kinds import Impact
from breaks.lists.flow import break_flow
from breaks.lists.overview import OpenSum, open_sums
from breaks.policy import AGES
from console.config import Console, ProviderTerms
from console.pages.figures.kept_days import KeptDays, StoredDays, TooMuch, stored_days
from console.pages.figures.span import (
    BreakReads,
    Coverage,
    DaySpan,
    coverage_of,
    one_instant,
    sums_of,
)
from feeds.daily_delay import daily_delays
from reconcile.days.day_sums import WITHIN
from reconcile.totals.resolution_days import resolution_days
from reports.grouped_totals import GroupBy, TotalsGroup, grouped, narrowed
from vocabulary.currencies import digits_of
from vocabulary.window import Window

#: Longest time, in milliseconds, that a page reads one figure of every row of the days.
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
        at: when the page was asked for; ``summed_at``: when the oldest sum was added up.
        currency: of every amount; ``digits`` are its decimal places here.
        sums: by provider and day.
        flow: (opened, resolved); ``rates``: (resolved, due) within ``WITHIN``; ``delays``: in
            seconds. None: the database takes too long for a page.
    """

    span: DaySpan
    at: datetime
    summed_at: datetime
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


def read_trends(console: Console, span: DaySpan, currency: str | None) -> TrendData:
    """Read the figures of a span; without a currency, of the one with the largest stakes."""
    now = console.clock.now()
    with one_instant(console.readers) as connection:
        stored = stored_days(connection, span.provider_days, now)
        days = KeptDays(console, connection, stored)
        breaks = BreakReads(console, connection)
        sums = sums_of(days, breaks, span, by_game=False)
        coverage = coverage_of(breaks, span, now)
        flow = breaks.get(
            ("break flow", *span.key),
            lambda reader: _by_day(span, lambda term: _flow(reader, term, span)),
        )
        foot = grouped(sums, (), None)
        code = currency or _largest(foot) or "EUR"
        of_code = narrowed(sums, currency=code)
        groups = grouped(of_code, (GroupBy.PROVIDER, GroupBy.DAY), None)
        opened = breaks.get(("open sums",), lambda reader: open_sums(reader, now=now))
        ages = _ages(opened, span, code)
    rates, rates_at = _unless_slow(console, span, stored, _rate)
    delays, delays_at = _unless_slow(console, span, stored, _delay)
    return TrendData(
        span=span,
        at=now,
        summed_at=min(days.summed_at, rates_at, delays_at),
        currency=code,
        digits=_digits(span, code),
        currencies=tuple(sorted({group.currency for group in foot} | {code})),
        coverage=coverage,
        foot=tuple(group for group in foot if group.currency == code),
        sums=_groups_by_day(groups),
        flow=flow,
        ages=ages,
        rates=rates,
        delays=delays,
    )


def _flow(
    connection: Connection, term: ProviderTerms, span: DaySpan
) -> dict[date, tuple[int, int]]:
    return {
        day.day: (day.opened, day.resolved)
        for day in break_flow(connection, term.slug, span.window(term), term.zone)
    }


def _rate(
    days: KeptDays, console: Console, term: ProviderTerms, day: date
) -> tuple[int, int] | None:
    """How many rows of a day were resolved, and how many were due; None: none was."""
    stored = days.stored_day(term, day)
    if stored is not None and stored.due is not None and stored.has_rate:
        return (stored.resolved or 0, stored.due) if stored.due else None

    def read(connection: Connection, window: Window) -> tuple[int, int] | None:
        now = console.clock.now()
        rates = resolution_days(
            connection, term.slug, window, now=now, zone=term.zone, within=WITHIN
        )
        return (rates[0].resolved, rates[0].due) if rates and rates[0].due else None

    return days.get("resolution rate", (term, day), read)


def _delay(days: KeptDays, _console: Console, term: ProviderTerms, day: date) -> int | None:
    """The delay of the records of a day, in seconds; None: it has none."""
    stored = days.stored_day(term, day)
    if stored is not None:
        return stored.delay_s

    def read(connection: Connection, window: Window) -> int | None:
        delays = daily_delays(connection, term.slug, window, term.zone)
        return delays[0].delay_s if delays else None

    return days.get("delay", (term, day), read)


def _unless_slow(
    console: Console,
    span: DaySpan,
    stored: StoredDays,
    read: Callable[[KeptDays, Console, ProviderTerms, date], _T | None],
) -> tuple[ByDay[_T] | None, datetime]:
    """A figure of every day, and when the oldest was read; None if it takes too long."""
    try:
        with one_instant(console.readers, timeout_ms=ROWS_TIMEOUT_MS) as connection:
            days = KeptDays(
                console,
                connection,
                stored,
                budget=timedelta(milliseconds=ROWS_TIMEOUT_MS),
            )
            figures: ByDay[_T] = {
                term.slug: {
                    day: figure
                    for day in span.days
                    if (figure := read(days, console, term, day)) is not None
                }
                for term in span.terms
            }
    except TooMuch:
        return None, console.clock.now()
    return figures, days.summed_at


def _by_day(span: DaySpan, read: Callable[[ProviderTerms], Mapping[date, _T]]) -> ByDay[_T]:
    return {term.slug: read(term) for term in span.terms}


def _ages(opened: Sequence[OpenSum], span: DaySpan, currency: str) -> tuple[OpenAge, ...]:
    terms = {term.slug: term for term in span.terms}
    digits = _digits(span, currency)
    sums = {age: [0, 0, 0] for age in AGES}
    for part in opened:
        if part.currency == currency and part.provider in terms:
            own = digits_of(currency, terms[part.provider].exponents)
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
    return max((digits_of(currency, term.exponents) for term in span.terms), default=2)


def _largest(foot: list[TotalsGroup]) -> str | None:
    if not foot:
        return None
    return max(foot, key=lambda group: max(group.ours.stake, group.theirs.stake)).currency


def _groups_by_day(groups: list[TotalsGroup]) -> ByDay[TotalsGroup]:
    by_day: dict[str, dict[date, TotalsGroup]] = {}
    for group in groups:
        provider, day = group.name
        by_day.setdefault(provider, {})[date.fromisoformat(day)] = group
    return by_day
